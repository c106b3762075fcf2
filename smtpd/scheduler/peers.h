// The other processes and the settings, as the queue process reaches them.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "common/config/config.h"
#include "common/process/port.h"

namespace pennypost::smtp {

struct QueuePeers {
  /// The port to `lookup`, `send`, `master`, or a deliver process by its kind.
  std::function<Port&(std::string_view kind)> port;
  /// The settings in force; another object after a reload.
  std::function<std::shared_ptr<const Config>()> config;
};

}  // namespace pennypost::smtp
