//! The programs of the asyncio tutorials, on weftwork.
