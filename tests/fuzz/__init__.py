"""Whatever comes from outside: files, logs, servers and databases that say anything at all."""
