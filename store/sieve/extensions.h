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
  DovecotExecute,
  DovecotFilter,
  DovecotPipe,
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
  ImapSieve,
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
  /// With what it brings: vacation-seconds has vacation.
  void add(Extension extension);
  void remove(Extension extension) { set_.reset(std::size_t(extension)); }
  /// To tell sets apart.
  std::uint64_t bits() const { return set_.to_ullong(); }
  bool has(Extension extension) const { return set_.test(std::size_t(extension)); }

 private:
  std::bitset<extension_count> set_;
};

/// What a host offers whose admin has set nothing: all but imapsieve and those that run programs.
const Extensions& usual_extensions();

/// The extension of that name, as in `require`; None for what the base language has
/// (`comparator-i;octet`); nothing if there is no such extension.
std::optional<Extension> find_extension(std::string_view name);
/// Whether `ihave` is true of a name. RFC 5463 section 4: what changes how strings are read counts
/// only if it is required.
bool can_be_had(std::string_view name, const Extensions& required, const Extensions& offered);
/// The name in `require`.
std::string_view name_of(Extension extension);
/// The names of those that are offered, sorted; for ManageSieve's "SIEVE" capability and for hints.
std::vector<std::string_view> extension_names(const Extensions& offered);

}  // namespace pennypost::store::sieve
