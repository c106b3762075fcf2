// How the queue process reaches the other processes and the settings.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "common/config/config.h"
#include "common/mail/bounce_template.h"
#include "common/process/port.h"

namespace pennypost::smtp {

struct QueuePeers {
  /// The port to `lookup`, `send` or `master`, or to a deliver process by its kind.
  std::function<Port&(std::string_view kind)> port;
  /// The present settings; another object after a reload.
  std::function<std::shared_ptr<const Config>()> config;
  /// The texts of reports; unset: the built-in ones.
  std::function<std::shared_ptr<const BounceTemplates>()> templates;
};

}  // namespace pennypost::smtp
