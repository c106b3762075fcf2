#include "store/stores/store_settings.h"

#include "common/base/text.h"

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
  settings.special_uses = parse_special_uses(config.imap_special_use);
  settings.create_missing = config.mailbox_auto_create_dirs;
  for (auto rule : words(account.quota)) {
    auto equals = rule.find('=');
    if (equals == std::string_view::npos) continue;
    auto number = parse_number(rule.substr(equals + 1));
    if (rule.substr(0, equals) == "storage") settings.quota_bytes = number;
    if (rule.substr(0, equals) == "messages") settings.quota_messages = number;
  }
  return settings;
}

}  // namespace pennypost::store
