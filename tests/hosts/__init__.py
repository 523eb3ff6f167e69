"""Real build servers for tests: small hosts of network and PID namespaces, each with its sshd."""
