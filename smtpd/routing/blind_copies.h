// Finds who gets a blind copy of an incoming message: always_bcc, sender_bcc_maps,
// recipient_bcc_maps.
//
// The tables are looked up as canonical maps are, by addresses after rewriting. Bounces and what a
// message expands to get no copies, so that two archives can't copy each other's mail for ever. A
// copy's delivery is never reported to the sender.
//
// May be used by several threads. Errors are temporary: a table can't be read now, or names what is
// not an address.
//
// STANDARDS  RFC 3461 section 4.1 (NOTIFY=NEVER)
// SEE ALSO   ../../store/maps/address_lookup.h (keys), messages.h (Canonicalize, which asks)
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/mail/address.h"
#include "smtpd/queue/envelope.h"
#include "smtpd/routing/canonical.h"
#include "store/maps/map.h"

namespace pennypost::smtp {

/// Whether any setting asks for blind copies.
bool has_blind_copies(const Config& config);

class BlindCopies {
 public:
  BlindCopies() = default;
  static Result<BlindCopies> open(const Config& config, const store::MapOptions& options);

  /// The look-ups for one message.
  class Search {
   public:
    Search(const BlindCopies& tables, const Config& config, Canonical::IsOwn is_own)
        : tables_(tables), config_(config), is_own_(std::move(is_own)) {}

    Result<void> of_sender(std::string_view sender);
    Result<void> of_recipient(const MailAddress& recipient);
    /// The addresses found, each once, with that of always_bcc.
    Result<std::vector<std::string>> take();

   private:
    Result<void> look_up(const store::MapList& maps, std::string_view setting,
                         const MailAddress& address);
    Result<void> add(std::string_view setting, std::string_view text);

    const BlindCopies& tables_;
    const Config& config_;
    Canonical::IsOwn is_own_;
    std::vector<std::string> found_;
  };

 private:
  store::MapList senders_;
  store::MapList recipients_;
};

/// Adds a recipient and returns it; null if the address, written in whatever case, is one already.
Recipient* add_recipient(std::vector<Recipient>& recipients, std::string address);
/// Adds those of `copies` that are not recipients already.
void add_blind_copies(std::vector<Recipient>& recipients, const std::vector<std::string>& copies);

}  // namespace pennypost::smtp
