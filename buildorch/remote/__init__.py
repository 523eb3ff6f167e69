"""The durable remote job: what runs on a server, and the session that speaks with it.

docs/remote-job.md describes the mechanism, the job folder, the messages and the promises.
"""
