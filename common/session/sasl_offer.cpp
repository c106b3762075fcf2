#include "common/session/sasl_offer.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/base/words.h"
#include "common/sasl/server.h"

namespace pennypost {
namespace {

constexpr std::string_view by_users = "AUTO";

std::vector<std::string> spelled_out(const std::vector<std::string>& wanted,
                                     bool scram_serves_all) {
  std::vector<std::string> names;
  for (const auto& setting : wanted) {
    auto name = upper(setting);
    if (name != by_users) {
      names.push_back(std::move(name));
      continue;
    }
    names.insert(names.end(), {"PLAIN", "LOGIN"});
    if (scram_serves_all) names.emplace_back("SCRAM-SHA-256");
  }
  return names;
}

}  // namespace

bool SaslOffer::holds(std::string_view mechanism) const {
  return pennypost::holds(mechanisms, mechanism);
}

SaslOffer sasl_offer(const std::vector<std::string>& wanted, bool allows_plaintext,
                     std::string channel_binding, bool scram_serves_all, bool has_identity) {
  const auto& known = ServerExchange::mechanisms();
  SaslOffer offer;
  for (auto& name : spelled_out(wanted, scram_serves_all)) {
    bool is_known = std::ranges::find(known, name) != known.end();
    if (!is_known || offer.holds(name)) continue;
    if (name == "EXTERNAL" && !has_identity) continue;
    if (ServerExchange::is_plaintext(name) && !allows_plaintext) continue;
    bool is_plus = name.ends_with("-PLUS");
    if (is_plus && channel_binding.empty()) continue;
    if (is_plus) offer.channel_binding = channel_binding;
    offer.mechanisms.push_back(std::move(name));
  }
  return offer;
}

bool depends_on_users(const std::vector<std::string>& wanted) { return holds(wanted, by_users); }

}  // namespace pennypost
