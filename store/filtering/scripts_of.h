// Finds an account's Sieve scripts, and the admin's that are run before and after them.
//
// SEE ALSO   ../sieve/script_store.h (the layout), sieve_filter.h (who runs them)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/config/config.h"
#include "store/accounts/account_ref.h"
#include "store/sieve/extensions.h"
#include "store/sieve/limits.h"
#include "store/sieve/script_store.h"

namespace pennypost::store {

/// The place of the account's scripts; nothing if the setting `sieve` is empty. Error: what is
/// wrong with it for this account.
Result<std::optional<sieve::ScriptPlace>> script_place(const Config& config,
                                                       const AccountRef& account);
/// The store of the account, with the host's limits; nothing if the setting `sieve` is empty.
Result<std::optional<sieve::ScriptStore>> scripts_of(const Config& config,
                                                     const AccountRef& account);

/// What scripts are run for, or taken for.
enum class ScriptUse : std::uint8_t {
  Delivery,
  Stored,     // mail that is there already, at its owner's request
  ImapEvent,  // what a client has done (RFC 6785)
  Upload,     // the scripts are kept, to be run for any of these
};
/// The extensions that scripts may require for that.
sieve::Extensions offered_extensions(const Config& config, ScriptUse use);

/// The addresses of an account that its name gives, the usual one first.
std::vector<std::string> owner_addresses(const Config& config, const AccountRef& account);

/// The host's limits of one run.
sieve::RunLimits run_limits(const Config& config);

/// The name in sieve_before and sieve_after of the script that files spam.
inline constexpr std::string_view spam_script_name = "builtin:spam-to-junk";
/// Its text: what a filter's header calls spam goes into junk_mailbox.
std::string spam_script(const std::string& junk_mailbox);

/// One of the scripts that are run for a message, in their order.
struct ScriptStep {
  enum class Owner : std::uint8_t { Host, User };
  Owner owner = Owner::Host;
  std::string path;  // or spam_script_name
};

/// Those of one item of sieve_before or sieve_after: a file, a directory's *.sieve files by name,
/// or a built-in script.
Result<std::vector<ScriptStep>> host_script_steps(const std::string& place);
/// sieve_before, the user's own or sieve_default, sieve_after. Error (temporary): a directory of
/// the host can't be read.
Result<std::vector<ScriptStep>> script_steps(const Config& config,
                                             const std::optional<sieve::ScriptPlace>& place);

/// The most scripts that are run for a message.
inline constexpr std::size_t script_steps_max = 100;

}  // namespace pennypost::store
