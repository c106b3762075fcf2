// The table of extensions.
#include "store/sieve/extensions.h"

#include <algorithm>
#include <array>

namespace pennypost::store::sieve {
namespace {

struct Row {
  std::string_view name;
  Extension extension;
};
constexpr std::array rows{
    Row{"body", Extension::Body},                        // RFC 5173
    Row{"comparator-i;ascii-casemap", Extension::None},  // RFC 5228 section 2.7.3
    Row{"comparator-i;ascii-numeric", Extension::ComparatorNumeric},
    Row{"comparator-i;octet", Extension::None},
    Row{"comparator-i;unicode-casemap", Extension::None},
    Row{"copy", Extension::Copy},                           // RFC 3894
    Row{"date", Extension::Date},                           // RFC 5260 section 4
    Row{"duplicate", Extension::Duplicate},                 // RFC 7352
    Row{"editheader", Extension::EditHeader},               // RFC 5293
    Row{"enclose", Extension::Enclose},                     // RFC 5703 section 6
    Row{"encoded-character", Extension::EncodedCharacter},  // RFC 5228 section 2.4.2.4
    Row{"enotify", Extension::Enotify},                     // RFC 5435
    Row{"envelope", Extension::Envelope},                   // RFC 5228 section 5.4
    Row{"environment", Extension::Environment},             // RFC 5183
    Row{"ereject", Extension::Ereject},                     // RFC 5429 section 2.1
    Row{"extlists", Extension::ExtLists},                   // RFC 6134
    Row{"extracttext", Extension::ExtractText},             // RFC 5703 section 7
    Row{"fileinto", Extension::FileInto},                   // RFC 5228 section 4.1
    Row{"foreverypart", Extension::ForEveryPart},           // RFC 5703 section 3
    Row{"ihave", Extension::Ihave},                         // RFC 5463
    Row{"imap4flags", Extension::Imap4Flags},               // RFC 5232
    Row{"imapsieve", Extension::ImapSieve},                 // RFC 6785
    Row{"include", Extension::Include},                     // RFC 6609
    Row{"index", Extension::Index},                         // RFC 5260 section 6
    Row{"mailbox", Extension::Mailbox},                     // RFC 5490 section 3
    Row{"mboxmetadata", Extension::MboxMetadata},           // RFC 5490 section 4
    Row{"mime", Extension::Mime},                           // RFC 5703 section 4
    Row{"regex", Extension::Regex},
    Row{"reject", Extension::Reject},                     // RFC 5429 section 2.2
    Row{"relational", Extension::Relational},             // RFC 5231
    Row{"replace", Extension::Replace},                   // RFC 5703 section 5
    Row{"servermetadata", Extension::ServerMetadata},     // RFC 5490 section 5
    Row{"spamtest", Extension::SpamTest},                 // RFC 5235 section 3.2
    Row{"spamtestplus", Extension::SpamTestPlus},         // RFC 5235 section 3.3
    Row{"special-use", Extension::SpecialUse},            // RFC 8579
    Row{"subaddress", Extension::SubAddress},             // RFC 5233
    Row{"vacation", Extension::Vacation},                 // RFC 5230
    Row{"vacation-seconds", Extension::VacationSeconds},  // RFC 6131
    Row{"variables", Extension::Variables},               // RFC 5229
    Row{"virustest", Extension::VirusTest},               // RFC 5235 section 3.4
    Row{"vnd.dovecot.execute", Extension::DovecotExecute},
    Row{"vnd.dovecot.filter", Extension::DovecotFilter},
    Row{"vnd.dovecot.pipe", Extension::DovecotPipe},
};
static_assert(std::ranges::is_sorted(rows, {}, &Row::name), "find_extension() searches by halves");

constexpr std::array optional{Extension::DovecotExecute, Extension::DovecotFilter,
                              Extension::DovecotPipe, Extension::ImapSieve};

}  // namespace

void Extensions::add(Extension extension) {
  set_.set(std::size_t(extension));
  // RFC 6131 section 2 and RFC 5235 section 3.3: these bring what they extend.
  if (extension == Extension::VacationSeconds) add(Extension::Vacation);
  if (extension == Extension::SpamTestPlus) add(Extension::SpamTest);
}

const Extensions& usual_extensions() {
  static const Extensions usual = [] {
    Extensions all;
    for (const auto& row : rows) all.add(row.extension);
    for (auto extension : optional) all.remove(extension);
    return all;
  }();
  return usual;
}

std::optional<Extension> find_extension(std::string_view name) {
  auto found = std::ranges::lower_bound(rows, name, {}, &Row::name);
  if (found == rows.end() || found->name != name) return std::nullopt;
  return found->extension;
}

bool can_be_had(std::string_view name, const Extensions& required, const Extensions& offered) {
  auto found = find_extension(name);
  if (found && !offered.has(*found)) return false;
  bool changes_strings = found == Extension::Variables || found == Extension::EncodedCharacter;
  return found && (!changes_strings || required.has(*found));
}

std::string_view name_of(Extension extension) {
  auto found = std::ranges::find(rows, extension, &Row::extension);
  return found == rows.end() ? "" : found->name;
}

std::vector<std::string_view> extension_names(const Extensions& offered) {
  std::vector<std::string_view> names;
  for (const auto& row : rows) {
    if (offered.has(row.extension)) names.push_back(row.name);
  }
  return names;
}

}  // namespace pennypost::store::sieve
