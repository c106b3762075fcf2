#include "popd/capabilities.h"

#include "common/base/text.h"

namespace pennypost::pop {

std::string capabilities(const Offer& offer, const Settings& settings) {
  std::string text =
      "+OK Capability list follows\r\n"
      "TOP\r\nUIDL\r\nRESP-CODES\r\nPIPELINING\r\nAUTH-RESP-CODE\r\nUTF8 USER\r\nLANG\r\n";
  auto days = settings.pop3_expire;
  text += "EXPIRE " + (days.is_none() ? "NEVER" : std::to_string(days.value())) + "\r\n";
  auto delay = settings.pop3_login_delay.count();
  if (delay > 0) text += "LOGIN-DELAY " + std::to_string(delay) + "\r\n";
  if (offer.user) text += "USER\r\n";
  if (!offer.sasl_mechanisms.empty()) text += "SASL " + join(offer.sasl_mechanisms, " ") + "\r\n";
  if (offer.starttls) text += "STLS\r\n";
  return text + "IMPLEMENTATION Pennypost\r\n.\r\n";
}

}  // namespace pennypost::pop
