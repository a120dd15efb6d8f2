"""What our server interceptors share: each is an async context manager around the answering of a call."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import grpc

Context = grpc.aio.ServicerContext[Any, Any]


class AroundInterceptor(grpc.aio.ServerInterceptor, ABC):
    """Wraps any handler in `around`, in the task that answers the call, so that context variables reach the handler."""

    @abstractmethod
    def around(self, details: grpc.HandlerCallDetails, context: Context) -> AbstractAsyncContextManager[None]:
        """What surrounds the answering of one call; raises to refuse it."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable["grpc.RpcMethodHandler[Any, Any] | None"]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "grpc.RpcMethodHandler[Any, Any] | None":  # generic in its types only
        """Called by grpc for every call; a method that does not exist has no handler to wrap."""
        handler: Any = await continuation(handler_call_details)
        if handler is None:
            return None  # grpc answers UNIMPLEMENTED

        async def answer(request: Any, context: Context) -> Any:
            async with self.around(handler_call_details, context):
                return await behaviour(request, context)

        async def stream(request: Any, context: Context) -> AsyncIterator[Any]:
            async with self.around(handler_call_details, context):
                async for response in behaviour(request, context):
                    yield response

        asked = "stream" if handler.request_streaming else "unary"
        answered = "stream" if handler.response_streaming else "unary"
        kind = f"{asked}_{answered}"
        behaviour = getattr(handler, kind)
        wrap = getattr(grpc, f"{kind}_rpc_method_handler")
        return wrap(  # type: ignore[no-any-return]
            stream if inspect.isasyncgenfunction(behaviour) else answer,  # a stream may also be written by a coroutine
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )
