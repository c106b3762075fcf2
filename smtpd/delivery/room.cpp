#include "smtpd/delivery/room.h"

#include <algorithm>

#include "common/base/client_words.h"
#include "store/filtering/scripts_of.h"
#include "store/filtering/where_kept.h"
#include "store/mailbox/mailbox.h"
#include "store/mailbox/quota_rules.h"
#include "store/stores/store_settings.h"
#include "store/stores/stores.h"

namespace pennypost::smtp {
namespace {

constexpr std::uint64_t few_messages = 100;

/// Whether the limits of INBOX hold wherever a delivery may put the message.
bool is_bound_by_inbox(const Config& config, const AccountRef& account) {
  auto where = store::where_kept(config, account);
  auto rules = store::QuotaRules::parse(account.quota);
  if (!where || !where->is_certain || !rules) return false;
  if (where->is_anywhere) return !rules->names_folders();
  auto limits = [&](std::string_view mailbox) {
    return rules->limits_in(mailbox, rules->limits());
  };
  return std::ranges::all_of(where->folders, [&](const std::string& folder) {
    return !rules->ignores(folder) && limits(folder) == limits("INBOX");
  });
}

/// The octets that a delivery puts on top of the message.
std::uint64_t added_bytes(const MeasureRoom& ask) {
  store::Delivery delivery;
  delivery.return_path = ask.sender;
  delivery.delivered_to = ask.recipient.served_address();
  delivery.original_to = ask.recipient.original;
  return store::delivery_headers(delivery).size();
}

/// What is left of the quota for mail to INBOX; 0 if that is few messages.
std::uint64_t spare_bytes(store::MailStore& mail, const AccountRef& account) {
  auto found = mail.quota();
  auto rules = store::QuotaRules::parse(account.quota);
  if (!found || !*found || !rules) return 0;
  const store::Usage& usage = **found;
  auto limits = rules->limits_in("INBOX", {usage.bytes_max, usage.messages_max});
  if (limits.messages && *limits.messages < usage.messages + few_messages) return 0;
  if (!limits.bytes) return UINT64_MAX;
  return *limits.bytes - std::min(*limits.bytes, usage.bytes);
}

}  // namespace

Room room_for(const Config& config, const MeasureRoom& ask) {
  Room room;
  room.fate.code = 250;
  store::LocationUser user;
  user.name = ask.account.name;
  user.home = ask.account.home;
  auto location = store::MailLocation::parse(ask.account.mail_location, user);
  if (!location) return room;
  auto mail = store::open_store(*std::move(location), store::store_settings(config, ask.account));
  auto fits = mail->check_room(ask.bytes + added_bytes(ask), 1);
  if (fits) {
    room.spare_bytes = spare_bytes(*mail, ask.account);
    return room;
  }
  bool is_full = fits.error().response_code() == ResponseCode::OverQuota;
  // The scripts are looked at last, since few mailboxes are full.
  if (!is_full || !is_bound_by_inbox(config, ask.account)) return room;
  const bool is_final = !fits.error().is_temporary();
  room.fate.code = is_final ? 552 : 452;
  room.fate.status = is_final ? "5.2.2" : "4.2.2";
  room.fate.text = client_words(fits.error());
  return room;
}

}  // namespace pennypost::smtp
