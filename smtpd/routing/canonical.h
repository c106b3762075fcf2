// Rewrites addresses by canonical maps, as in canonical(5), for users who have several addresses.
//
//   envelope_sender, header_sender        sender_canonical_maps, then canonical_maps
//   envelope_recipient, header_recipient  recipient_canonical_maps, then canonical_maps
//
// Each table is only used for the classes in its *_canonical_classes. Its result is looked up again
// until it no longer changes. `@example.org` on the right side keeps the local part; an extension
// that the table did not match is kept if propagate_unmatched_extensions says so. Domains in the
// result have A-labels.
//
// Blocks on tables; may be used by several threads. Errors are temporary: a table can't be read
// now, has a malformed address, or leads on for more than canonical_steps_max steps.
//
// SEE ALSO   header_addresses.h (which fields), ../../store/maps/address_lookup.h (keys)
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/mail/address.h"
#include "store/maps/map.h"

namespace pennypost::smtp {

inline constexpr int canonical_steps_max = 10;  // look-ups of one address in a table; as in Postfix

/// Where an address occurs: a word of canonical_classes.
enum class AddressClass { EnvelopeSender, EnvelopeRecipient, HeaderSender, HeaderRecipient };
std::string_view name_of(AddressClass what);

/// Whether there are canonical maps or masquerade_domains.
bool rewrites_addresses(const Config& config);

class Canonical {
 public:
  Canonical() = default;
  static Result<Canonical> open(const Config& config, const store::MapOptions& options);

  /// Whether the bare local part is looked up, too: for addresses in myorigin and mydestination.
  using IsOwn = std::function<Result<bool>(const MailAddress& address)>;
  /// `address` must have a domain and must not be null.
  Result<MailAddress> rewritten(AddressClass what, const MailAddress& address, const Config& config,
                                const IsOwn& is_own) const;

 private:
  struct Table {
    store::MapList maps;
    std::string name;  // the setting, for errors
    std::vector<std::string> classes;
  };
  static Result<MailAddress> by_table(const Table& table, MailAddress address, const Config& config,
                                      const IsOwn& is_own);

  Table senders_;
  Table recipients_;
  Table all_;
};

/// The address on a table's right side: `@example.org` keeps the local part of `from`; `extension`
/// is added to the local part. Error 501 5.1.3: not an address.
Result<MailAddress> target_address(std::string_view text, const MailAddress& from,
                                   std::string_view extension, const Config& config);

}  // namespace pennypost::smtp
