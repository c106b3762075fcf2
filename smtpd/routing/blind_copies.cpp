#include "smtpd/routing/blind_copies.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/mail/idn.h"
#include "smtpd/routing/expansion.h"
#include "store/maps/address_lookup.h"

namespace pennypost::smtp {

bool has_blind_copies(const Config& config) {
  return !config.always_bcc.empty() || !config.sender_bcc_maps.empty() ||
         !config.recipient_bcc_maps.empty();
}

Result<BlindCopies> BlindCopies::open(const Config& config, const store::MapOptions& options) {
  BlindCopies copies;
  TRY(copies.senders_, store::MapList::open(config.sender_bcc_maps, options));
  TRY(copies.recipients_, store::MapList::open(config.recipient_bcc_maps, options));
  return copies;
}

Result<void> BlindCopies::Search::of_sender(std::string_view sender) {
  auto address = MailAddress::parse(sender, Utf8::Allowed);
  if (!address || address->is_null()) return {};
  return look_up(tables_.senders_, "sender_bcc_maps", *address);
}

Result<void> BlindCopies::Search::of_recipient(const MailAddress& recipient) {
  return look_up(tables_.recipients_, "recipient_bcc_maps", recipient);
}

Result<std::vector<std::string>> BlindCopies::Search::take() {
  if (!config_.always_bcc.empty()) {
    TRY_DO(add("always_bcc", config_.always_bcc));
  }
  return std::move(found_);
}

Result<void> BlindCopies::Search::look_up(const store::MapList& maps, std::string_view setting,
                                          const MailAddress& address) {
  if (maps.empty()) return {};
  TRY(bool own, is_own_(address));
  std::string domain = address.domain() ? address.domain()->key() : std::string();
  TRY(auto match,
      store::lookup_address(maps, address.local(), domain, config_.recipient_delimiter, own));
  return match ? add(setting, trim(match->value)) : Result<void>();
}

Result<void> BlindCopies::Search::add(std::string_view setting, std::string_view text) {
  auto address = complete_address(text, config_);
  if (!address) {
    return Error::temporary(
        "4.3.5", std::string(setting) + ": \"" + printable(text, 100) + "\" is not an address");
  }
  bool is_known = std::ranges::find(found_, *address) != found_.end();
  if (!is_known) found_.push_back(*std::move(address));
  return {};
}

Recipient* add_recipient(std::vector<Recipient>& recipients, std::string address) {
  auto folded = folded_address(address);
  std::uint32_t number = 0;
  for (const auto& one : recipients) {
    if (folded_address(one.address) == folded) return nullptr;
    number = std::max(number, one.number);
  }
  Recipient& added = recipients.emplace_back();
  added.number = number + 1;
  added.original = address;
  added.address = std::move(address);
  return &added;
}

void add_blind_copies(std::vector<Recipient>& recipients, const std::vector<std::string>& copies) {
  for (const auto& address : copies) {
    Recipient* copy = add_recipient(recipients, address);
    if (copy != nullptr) copy->notify = notify_never;
  }
}

}  // namespace pennypost::smtp
