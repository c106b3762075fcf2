// Rewrites addresses as canonical(5) has it: one consistent address for who is known by several.
//
//   envelope_sender, header_sender        sender_canonical_maps, then canonical_maps
//   envelope_recipient, header_recipient  recipient_canonical_maps, then canonical_maps
//
// Each table is asked only for what its *_canonical_classes names, and its answer again, until the
// address stays as it is. `@example.org` on the right side keeps the local part; an extension that
// the table did not match is kept where propagate_unmatched_extensions says so. Domains come out
// with A-labels.
//
// Blocks on tables; may be used by several threads. Errors are temporary: a table can't tell now,
// holds what is no address, or leads on for more than canonical_steps_max steps.
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

inline constexpr int canonical_steps_max = 10;  // from table entry to table entry; as Postfix

/// What an address is: a word of canonical_classes.
enum class AddressClass { EnvelopeSender, EnvelopeRecipient, HeaderSender, HeaderRecipient };
std::string_view name_of(AddressClass what);

/// Whether there is any table to rewrite what comes in.
bool has_canonical_maps(const Config& config);

class Canonical {
 public:
  Canonical() = default;
  static Result<Canonical> open(const Config& config, const store::MapOptions& options);

  /// Whether bare names are looked up for this address: myorigin, mydestination.
  using IsOwn = std::function<Result<bool>(const MailAddress& address)>;
  /// `address` is complete, and not null.
  Result<MailAddress> rewritten(AddressClass what, const MailAddress& address, const Config& config,
                                const IsOwn& is_own) const;

 private:
  struct Table {
    store::MapList maps;
    std::string name;  // of the setting, for errors
    std::vector<std::string> classes;
  };
  static Result<MailAddress> by_table(const Table& table, MailAddress address, const Config& config,
                                      const IsOwn& is_own);

  Table senders_;
  Table recipients_;
  Table all_;
};

/// An address from a table's right side: `@example.org` keeps the local part of `from`; `extension`
/// is added to the local part. Error 501 5.1.3: no address.
Result<MailAddress> target_address(std::string_view text, const MailAddress& from,
                                   std::string_view extension, const Config& config);

}  // namespace pennypost::smtp
