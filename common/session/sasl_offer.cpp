#include "common/session/sasl_offer.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/sasl/server.h"

namespace pennypost {

bool SaslOffer::holds(std::string_view mechanism) const {
  return std::ranges::any_of(mechanisms,
                             [&](const auto& name) { return equal_nocase(name, mechanism); });
}

SaslOffer sasl_offer(const std::vector<std::string>& wanted, bool allows_plaintext,
                     std::string channel_binding) {
  const auto& known = ServerExchange::mechanisms();
  SaslOffer offer;
  for (const auto& setting : wanted) {
    auto name = upper(setting);
    bool is_known = std::ranges::find(known, name) != known.end();
    if (!is_known || name == "EXTERNAL" || offer.holds(name)) continue;
    if (ServerExchange::is_plaintext(name) && !allows_plaintext) continue;
    bool is_plus = name.ends_with("-PLUS");
    if (is_plus && channel_binding.empty()) continue;
    if (is_plus) offer.channel_binding = channel_binding;
    offer.mechanisms.push_back(std::move(name));
  }
  return offer;
}

}  // namespace pennypost
