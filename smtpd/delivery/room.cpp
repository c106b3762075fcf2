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

}  // namespace

Fate room_for(const Config& config, const MeasureRoom& ask) {
  Fate fate;
  fate.code = 250;
  store::LocationUser user;
  user.name = ask.account.name;
  user.home = ask.account.home;
  auto location = store::MailLocation::parse(ask.account.mail_location, user);
  if (!location) return fate;
  auto mail = store::open_store(*std::move(location), store::store_settings(config, ask.account));
  auto room = mail->check_room(ask.bytes + added_bytes(ask), 1);
  bool is_full = !room && room.error().response_code() == ResponseCode::OverQuota;
  // The script is looked at last, since few mailboxes are full.
  if (!is_full || !is_bound_by_inbox(config, ask.account)) return fate;
  const bool is_final = !room.error().is_temporary();
  fate.code = is_final ? 552 : 452;
  fate.status = is_final ? "5.2.2" : "4.2.2";
  fate.text = client_words(room.error());
  return fate;
}

}  // namespace pennypost::smtp
