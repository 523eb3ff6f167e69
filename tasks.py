import pipelines
from buildorch.tasks import collection  # invoke finds only a module of this name

ns = collection(pipelines)
