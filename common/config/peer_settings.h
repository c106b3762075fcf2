// Tells what becomes of settings that Postfix or Dovecot have and we do not.
//
// SEE ALSO   peer_settings.def (the rows)
#pragma once

#include <optional>
#include <string_view>

namespace pennypost {

struct PeerSetting {
  enum class Treatment {
    NoEffect,  // taken with a warning
    Refused,
  };
  std::string_view pattern;  // a name, which may begin or end with `*`
  Treatment treatment;
  std::string_view remark;  // why it has no effect, or what to write instead
};

/// The row for a name that is no setting of ours; nothing if the peers have no such setting either.
std::optional<PeerSetting> find_peer_setting(std::string_view name);

}  // namespace pennypost
