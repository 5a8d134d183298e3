"""Chat endpoints that speak the OpenAI API: asked concurrently, with retries, within limits."""

from isogloss.endpoint.chat import ChatJob as ChatJob
from isogloss.endpoint.chat import ChatReply as ChatReply
from isogloss.endpoint.chat import Message as Message
from isogloss.endpoint.client import ChatEndpoint as ChatEndpoint
from isogloss.endpoint.options import EndpointOptions as EndpointOptions
