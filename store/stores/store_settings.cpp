#include "store/stores/store_settings.h"

#include "store/mailbox/quota_rules.h"

namespace pennypost::store {

StoreSettings store_settings(const Config& config, const AccountRef& account) {
  StoreSettings settings;
  settings.hostname = config.myhostname;
  settings.deliver_lock_attempts = static_cast<int>(config.deliver_lock_attempts);
  settings.deliver_lock_delay_ms = static_cast<int>(config.deliver_lock_delay.count() * 1000);
  settings.stale_lock_seconds = static_cast<int>(config.stale_lock_time.count());
  settings.spool_directory = config.mail_spool_directory;
  if (account.is_system) settings.spool_name = account.name;
  settings.strict_mailbox_ownership = config.strict_mailbox_ownership;
  settings.mailbox_size_limit = config.mailbox_size_limit;
  settings.mailbox_delivery_lock = config.mailbox_delivery_lock;
  settings.folders_max = config.mailboxes_per_user_max;
  settings.folder_depth_max = config.mailbox_depth_max;
  settings.folder_name_bytes_max = config.mailbox_name_bytes_max;
  if (account.mail_location.starts_with("maildir:")) {
    settings.namespace_prefix = config.namespace_prefix;
    const std::string& separator = config.namespace_separator;
    if (separator != "default") settings.separator = separator[0];
  }
  settings.special_uses =
      parse_special_uses(special_use_items(config.imap_special_use, settings.namespace_prefix));
  settings.create_missing = config.mailbox_auto_create_dirs;
  settings.quota_exceeded_code = config.quota_exceeded == "reject" ? 552 : 452;
  settings.quota_exceeded_message = config.quota_exceeded_message;
  // The rules were checked when the account was looked up.
  if (auto rules = QuotaRules::parse(account.quota)) {
    settings.quota_bytes = rules->limits().bytes;
    settings.quota_messages = rules->limits().messages;
    if (!rules->empty()) settings.quota_rules = std::make_shared<const QuotaRules>(*rules);
  }
  return settings;
}

std::vector<std::string> special_use_items(std::vector<std::string> items,
                                           const std::string& prefix) {
  if (prefix.empty()) return items;
  for (auto& item : items) {
    std::string prefixed = prefix;
    // The use that follows from the name alone must be said once there is something before it.
    bool has_use = item.find('=') != std::string::npos;
    auto parsed = parse_special_uses({item});
    prefixed += item;
    if (!has_use && !parsed.empty())
      prefixed.append("=").append(special_use_text(parsed[0].second));
    item = std::move(prefixed);
  }
  return items;
}

}  // namespace pennypost::store
