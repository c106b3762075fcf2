// Tells the service manager a daemon's state: sd_notify(3) without its library.
#pragma once

#include <string>

namespace pennypost {

/// Sends `READY=1`, `STOPPING=1`, … to the socket that NOTIFY_SOCKET names; nothing without it.
void notify_manager(const std::string& state);

}  // namespace pennypost
