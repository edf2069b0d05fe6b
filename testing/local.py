"""Requests to services on this machine.

The functions of httpx2 load all certificate authorities for each request: 50 ms of processor time.
A service on this machine has no certificate.
"""

from functools import partial

import httpx2

get = partial(httpx2.get, verify=False)
post = partial(httpx2.post, verify=False)
put = partial(httpx2.put, verify=False)
delete = partial(httpx2.delete, verify=False)
request = partial(httpx2.request, verify=False)
