"""The server's part in python: sent as text at connect, run by the server's own python3.

Written for python 3.3 and newer and for its standard library alone, whatever the rest of the
package needs: no f-strings, no pathlib, no typing at run time. `buildorch.remote.bundle` sends it.
"""
