#include "common/config/screen_settings.h"

#include "common/base/text.h"
#include "common/mail/address.h"

namespace pennypost {
namespace {

std::string shown(std::string_view text) { return "\"" + printable(text, 100) + "\""; }

/// -2, 3
std::optional<int> parse_weight(std::string_view text) {
  bool is_negative = text.starts_with('-');
  auto number = parse_number(is_negative ? text.substr(1) : text);
  if (!number || *number > dnsbl_weight_max) return std::nullopt;
  int weight = static_cast<int>(*number);
  return is_negative ? -weight : weight;
}

}  // namespace

Result<DnsblSite> DnsblSite::parse(std::string_view text) {
  DnsblSite site;
  std::string_view rest = text;
  if (auto star = rest.rfind('*'); star != rest.npos) {
    auto weight = parse_weight(rest.substr(star + 1));
    if (!weight) {
      return Error::permanent(shown(text) + " has no number behind the *; write a weight such as " +
                              "2 or -1, at most " + std::to_string(dnsbl_weight_max));
    }
    site.weight = *weight;
    rest = rest.substr(0, star);
  }
  if (auto equals = rest.find('='); equals != rest.npos) {
    auto replies = AddressPattern::parse(rest.substr(equals + 1));
    if (!replies) {
      return Error::permanent(shown(text) + ": " + replies.error().text() +
                              "; write the replies that count as 127.0.0.2 or 127.0.0.[2;4..6]");
    }
    site.replies = *std::move(replies);
    rest = rest.substr(0, equals);
  }
  auto zone = Domain::parse(rest);
  if (!zone || zone->is_literal()) {
    return Error::permanent(shown(text) + " does not begin with a domain; write one such as " +
                            "bl.example.org=127.0.0.2*2");
  }
  site.zone = zone->key();
  return site;
}

Result<ScreenRule> ScreenRule::parse(std::string_view text) {
  using Kind = ScreenRule::Kind;
  if (text == "permit_mynetworks") return ScreenRule{Kind::MyNetworks, {}};
  if (text == "permit") return ScreenRule{Kind::Permit, {}};
  if (text == "reject") return ScreenRule{Kind::Reject, {}};
  if (!TableRef::is_table(text)) {
    return Error::permanent(shown(text) + " is none of: permit_mynetworks, permit, reject, " +
                            "or a table such as cidr:/path");
  }
  TRY(auto table, TableRef::parse(text));
  return ScreenRule{Kind::Table, std::move(table)};
}

Result<NetworkList> parse_screen_interfaces(const std::vector<std::string>& items) {
  std::vector<std::string> networks;
  for (const std::string& item : items) {
    if (item == "static:all") {
      networks.emplace_back("0.0.0.0/0");
      networks.emplace_back("[::]/0");
      continue;
    }
    std::string_view plain = item;
    if (plain.starts_with('!')) plain.remove_prefix(1);
    auto network = Network::parse(plain);
    if (!network) {
      return Error::permanent(shown(item) + " is no address of this host; write 192.0.2.1, " +
                              "!192.0.2.2 or static:all");
    }
    networks.push_back(item);
  }
  return NetworkList(networks);
}

}  // namespace pennypost
