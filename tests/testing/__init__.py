"""The kit that users test their pipelines with keeps its own promises."""
