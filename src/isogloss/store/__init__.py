"""The run folder; see `RunStore`."""

from isogloss.store._run_store import RunStore as RunStore
from isogloss.store._schema import SCHEMA_VERSION as SCHEMA_VERSION
