// Tells the service manager about a daemon's state, like sd_notify(3) but without its library.
#pragma once

#include <string>

namespace pennypost {

/// Sends `READY=1`, `STOPPING=1`, … to the socket that NOTIFY_SOCKET names; does nothing without
/// it.
void notify_manager(const std::string& state);

}  // namespace pennypost
