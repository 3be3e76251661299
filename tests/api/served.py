"""A process that serves the application, to be killed: python -m tests.api.served URL PORT"""

import sys

import uvicorn

from api.app import create_app
from api.settings import Settings

if __name__ == "__main__":
    app = create_app(Settings(second_factor="optional"), sys.argv[1])
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_config=None, access_log=False, proxy_headers=False)
