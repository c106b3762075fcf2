// The requests of `receive` to `lookup` about strangers that are tested before a session: what the
// tables of the postscreen_... settings hold.
//
// SEE ALSO   ../process/lookup.h (who answers), ../inbound/screen.h (the tests)
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/config/screen_settings.h"
#include "common/process/port.h"

namespace pennypost::smtp {

/// Asks what postscreen_access_list says of a client; only sent if it has tables. Errors are
/// temporary.
struct ScreenAccess {
  static constexpr std::uint16_t type = 126;
  enum class Answer : std::uint8_t { None, Permit, Reject };
  friend constexpr Answer wire_last(Answer) { return Answer::Reject; }
  struct Verdict {
    Answer answer = Answer::None;
    template <class Archive>
    void fields(Archive& archive) {
      archive(answer);
    }
  };
  using Reply = Verdict;
  std::string service;  // its name
  std::string address;
  bool is_in_mynetworks = false;
  template <class Archive>
  void fields(Archive& archive) {
    archive(service, address, is_in_mynetworks);
  }
};

/// Asks by which name a client is told of a DNS list; only sent if there is a
/// postscreen_dnsbl_reply_map. Errors are temporary.
struct NameDnsbl {
  static constexpr std::uint16_t type = 127;
  struct Name {
    std::string name;  // the zone itself if the tables do not have it
    template <class Archive>
    void fields(Archive& archive) {
      archive(name);
    }
  };
  using Reply = Name;
  std::string service;
  std::string zone;
  template <class Archive>
  void fields(Archive& archive) {
    archive(service, zone);
  }
};

/// Looks up an address in a table.
using FindScreened =
    std::function<Result<std::optional<std::string>>(const TableRef& table, std::string_view key)>;

/// Evaluates postscreen_access_list. A table that can't be read, or whose value is neither permit,
/// reject nor dunno, decides nothing and is told by `warn`.
ScreenAccess::Answer screen_access(const std::vector<std::string>& list, const ScreenAccess& ask,
                                   const FindScreened& find,
                                   const std::function<void(const std::string&)>& warn);

}  // namespace pennypost::smtp
