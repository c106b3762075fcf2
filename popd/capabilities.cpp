#include "popd/capabilities.h"

#include "common/base/text.h"

namespace pennypost::pop {

std::string capabilities(const Offer& offer) {
  std::string text =
      "+OK Capability list follows\r\n"
      "TOP\r\nUIDL\r\nRESP-CODES\r\nPIPELINING\r\nAUTH-RESP-CODE\r\nEXPIRE NEVER\r\n";
  if (offer.user) text += "USER\r\n";
  if (!offer.sasl_mechanisms.empty()) text += "SASL " + join(offer.sasl_mechanisms, " ") + "\r\n";
  if (offer.starttls) text += "STLS\r\n";
  return text + "IMPLEMENTATION Pennypost\r\n.\r\n";
}

}  // namespace pennypost::pop
