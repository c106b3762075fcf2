// Names the extensions of Sieve that a script may ask for with `require`.
//
// SEE ALSO   ../../tests/rfc/index.tsv (which RFC is done how far)
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace pennypost::store::sieve {

enum class Extension : std::uint8_t {
  None,  // the base language
  Body,
  ComparatorNumeric,
  Copy,
  Date,
  Duplicate,
  EditHeader,
  Enclose,
  EncodedCharacter,
  Enotify,
  Envelope,
  Environment,
  Ereject,
  ExtLists,
  ExtractText,
  FileInto,
  ForEveryPart,
  Ihave,
  Imap4Flags,
  Include,
  Index,
  Mailbox,
  MboxMetadata,
  Mime,
  Regex,
  Reject,
  Relational,
  Replace,
  ServerMetadata,
  SpamTest,
  SpamTestPlus,
  SpecialUse,
  SubAddress,
  Vacation,
  VacationSeconds,
  Variables,
  VirusTest,
};
inline constexpr std::size_t extension_count = std::size_t(Extension::VirusTest) + 1;

class Extensions {
 public:
  void add(Extension extension);
  bool has(Extension extension) const { return set_.test(std::size_t(extension)); }

 private:
  std::bitset<extension_count> set_;
};

/// The extension of that name, as in `require`; None for what the base language has
/// (`comparator-i;octet`); nothing if there is no such extension.
std::optional<Extension> find_extension(std::string_view name);
/// Whether `ihave` is true of a name. RFC 5463 section 4: what changes how strings are read counts
/// only if it is required.
bool can_be_had(std::string_view name, const Extensions& required);
/// The name in `require`.
std::string_view name_of(Extension extension);
/// All names, sorted; for ManageSieve's "SIEVE" capability and for hints.
std::vector<std::string_view> extension_names();

}  // namespace pennypost::store::sieve
