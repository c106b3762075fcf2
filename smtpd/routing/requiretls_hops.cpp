#include "smtpd/routing/requiretls_hops.h"

#include <utility>

#include "common/base/text.h"
#include "common/net/address.h"

namespace pennypost::smtp {

Result<RequireTlsHops> RequireTlsHops::open(const Settings& settings,
                                            const store::MapOptions& options) {
  RequireTlsHops hops;
  hops.is_on_ = settings.requiretls_enable;
  if (!hops.is_on_) return hops;
  for (const auto& text : settings.smtp_requiretls_policy) {
    TRY(auto rule, RequireTlsRule::parse(text));
    Item item;
    item.answer = rule.answer;
    if (!item.answer) {
      TRY(item.map, store::Map::open(rule.table, options));
    }
    hops.items_.push_back(std::move(item));
  }
  return hops;
}

Result<RequireTls> RequireTlsHops::find(const std::string& host) const {
  if (!is_on_) return RequireTls::Disable;
  bool is_address = IpAddress::parse(host).has_value();
  for (const auto& item : items_) {
    if (item.answer && is_address) return RequireTls::Opportunistic;
    if (item.answer) return *item.answer;
    TRY(auto value, value_of(*item.map, host));
    if (!value) continue;
    auto answer = parse_requiretls(trim(*value));
    if (answer) return *answer;
    return Error::temporary("4.3.5", "smtp_requiretls_policy: " + item.map->name() + ": \"" +
                                         printable(*value, 100) + "\" for " + printable(host, 255) +
                                         " is none of: enforce, opportunistic+starttls, " +
                                         "opportunistic, disable");
  }
  return is_address ? RequireTls::Opportunistic : RequireTls::Enforce;
}

Result<std::optional<std::string>> RequireTlsHops::value_of(const store::Map& map,
                                                            const std::string& host) {
  TRY(auto value, map.lookup(host));
  if (value || !map.takes_partial_keys()) return value;
  for (auto dot = host.find('.'); dot != host.npos; dot = host.find('.', dot + 1)) {
    TRY(auto above, map.lookup(host.substr(dot)));
    if (above) return above;
  }
  return std::optional<std::string>();
}

}  // namespace pennypost::smtp
