// Finds the account that a login name or a mail address belongs to.
//
// Own users are entries of `users_map`, kept by `pennypost user`:
//   alice@example.org   home=/var/vmail/example.org/alice [mail=maildir:~/Maildir]
//   [quota_rule=*:storage=1G] …
// with the fields of user_fields.h, which the entry of their domain (@example.org) may complete.
// Their home is $virtual_mailbox_base/domain/name unless the entry says otherwise; all belong to
// `virtual_mail_owner` (without root: to us). System users are those of passwd, where `system_users
// = yes`, with a uid from `first_valid_uid` to `last_valid_uid`, never 0.
//
// A login is an own user's full address, or a bare name. A bare name means the own user of that
// name in `auth_realm`, else the system user of that name; a system user may also append @ and a
// domain that this host is final for. Names are case-insensitive; an account's name is in lower
// case.
//
// May be used by several threads. Blocks: use offload.
//
// SEE ALSO   authenticator.h (passwords), own_users.h (who writes the map)
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/config/config.h"
#include "store/accounts/account_ref.h"
#include "store/accounts/system_users.h"
#include "store/accounts/user_fields.h"
#include "store/mailbox/quota_rules.h"
#include "store/maps/map.h"

namespace pennypost::store {

inline constexpr std::size_t account_name_bytes_max = 320;

/// MapOptions from the configuration (map_check_interval); problems are logged under `component`.
MapOptions map_options(const Config& config, std::string component);

/// The same for the tables that `pennypost user` keeps, which count as empty until they exist.
MapOptions of_own_table(MapOptions options);

/// passwd, with the password backend that `system_auth_backend` and `auth_pam_service` select.
std::shared_ptr<const SystemUsers> system_users_of(const Config& config);

class Accounts {
 public:
  /// Error: the users map's reference is wrong, or virtual_mail_owner does not exist.
  static Result<Accounts> open(std::shared_ptr<const Config> config,
                               std::shared_ptr<const SystemUsers> system,
                               const MapOptions& options = {});

  /// The account with this login name; nothing if there is none. Error (temporary): unknown at the
  /// moment.
  Result<std::optional<AccountRef>> by_login(std::string_view login) const;

  /// The account that a final address delivers to, without any aliases: user+ext@domain,
  /// user@domain among own users, then the system user `user` (the caller knows that the domain is
  /// in mydestination). An empty `domain` means auth_realm. A system user outside first_valid_uid
  /// to last_valid_uid, or without a home directory, has no mailbox. Error 450: root, whose mail
  /// waits for an alias; other Errors: unknown at the moment.
  Result<std::optional<AccountRef>> by_address(std::string_view local_part,
                                               std::string_view domain) const;

  /// The own user that an address of a hosted domain delivers to: user+ext@domain, user@domain.
  /// System users have no mail there.
  Result<std::optional<AccountRef>> own_by_address(std::string_view local_part,
                                                   std::string_view domain) const;

  /// The account with this AccountRef::name, for the master and others that look up a uid again.
  Result<std::optional<AccountRef>> by_name(std::string_view name) const;

 private:
  Accounts() = default;
  struct SystemMatch;
  Result<std::optional<AccountRef>> own_user(const std::string& name) const;
  Result<OwnUserFields> fields_of(const std::string& key, const std::string& entry) const;
  Result<std::optional<AccountRef>> system_user(const std::string& name) const;
  bool may_own_mail(const Identity& identity) const;
  bool is_domain_of_system_users(std::string_view domain) const;

  std::shared_ptr<const Config> config_;
  std::shared_ptr<const SystemUsers> system_;
  std::shared_ptr<const Map> users_;  // null: no users_map
  QuotaRules quota_rules_;            // the host's
  std::uint32_t owner_uid_ = 0;
  std::uint32_t owner_gid_ = 0;
};

}  // namespace pennypost::store
