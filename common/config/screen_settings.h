// Parses what the postscreen_... settings list: DNS lists with their weights, who is tested, and on
// which of this host's addresses clients may pass.
//
// STANDARDS  Postfix's POSTSCREEN_README
// SEE ALSO   ../../smtpd/inbound/screen.h (the tests)
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/config/network_list.h"
#include "common/config/types.h"
#include "common/net/address_pattern.h"

namespace pennypost {

inline constexpr int dnsbl_weight_max = 1'000'000;

/// One of postscreen_dnsbl_sites: `zone`, `zone*2`, `zone=127.0.0.[2;4..6]*-1`.
struct DnsblSite {
  std::string zone;
  std::optional<AddressPattern> replies;  ///< the answers that count; nothing: all
  int weight = 1;                         ///< what it adds to a client's score

  /// Error: what is wrong, and what would be right.
  static Result<DnsblSite> parse(std::string_view text);
};

/// One of postscreen_access_list.
struct ScreenRule {
  enum class Kind { MyNetworks, Permit, Reject, Table };
  Kind kind = Kind::Permit;
  TableRef table;  ///< of Kind::Table

  /// Error: what is wrong, and what would be right.
  static Result<ScreenRule> parse(std::string_view text);
};

/// postscreen_allowlist_interfaces: `static:all` is every address. Error: an item is no network.
Result<NetworkList> parse_screen_interfaces(const std::vector<std::string>& items);

}  // namespace pennypost
