"""A client of plain TCP that never comes back."""

import client

client.main(again=False)
