#include "smtpd/delivery/delivered_to.h"

#include "common/mail/header.h"
#include "common/mail/idn.h"
#include "smtpd/delivery/message_pieces.h"
#include "smtpd/queue/incoming_header.h"

namespace pennypost::smtp {

bool is_delivered_to(const store::Pieces& pieces, const std::string& address) {
  auto header = message_header(pieces, header_block_bytes_max);
  if (!header) return false;
  auto own = folded_address(address);
  for (const auto& field : HeaderFields(*header)) {
    if (field.is("Delivered-To") && folded_address(field.value()) == own) return true;
  }
  return false;
}

}  // namespace pennypost::smtp
