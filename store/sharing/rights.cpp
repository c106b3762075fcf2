#include "store/sharing/rights.h"

#include <algorithm>
#include <array>

#include "common/base/text.h"
#include "store/mailbox/folder_store.h"

namespace pennypost::store {
namespace {

struct RightName {
  Rights::Right right;
  char letter;
  std::string_view name;
};
constexpr std::array right_names{
    RightName{Rights::Lookup, 'l', "lookup"},
    RightName{Rights::Read, 'r', "read"},
    RightName{Rights::Write, 'w', "write"},
    RightName{Rights::WriteSeen, 's', "write-seen"},
    RightName{Rights::WriteDeleted, 't', "write-deleted"},
    RightName{Rights::Insert, 'i', "insert"},
    RightName{Rights::Post, 'p', "post"},
    RightName{Rights::Expunge, 'e', "expunge"},
    RightName{Rights::Create, 'k', "create"},
    RightName{Rights::Delete, 'x', "delete"},
    RightName{Rights::Administer, 'a', "admin"},
};

struct DeedRow {
  Deed deed;
  /// All of these are needed.
  Rights needed;
  /// And one of these, if there are any.
  Rights one_of;
  std::string_view what;
};
// RFC 4314 section 4, a row for each thing that its table asks a right for.
constexpr std::array deeds{
    DeedRow{Deed::Show, Rights::Lookup, {}, "see"},
    DeedRow{Deed::Read, Rights::Read, {}, "read"},
    DeedRow{Deed::MarkSeen, Rights::WriteSeen, {}, "change \\Seen in"},
    DeedRow{Deed::MarkDeleted, Rights::WriteDeleted, {}, "change \\Deleted in"},
    DeedRow{Deed::Mark, Rights::Write, {}, "change flags in"},
    DeedRow{Deed::Insert, Rights::Insert, {}, "add messages to"},
    DeedRow{Deed::Expunge, Rights::Expunge, {}, "expunge messages of"},
    DeedRow{Deed::MoveAway, Rights::WriteDeleted | Rights::Expunge, {}, "move messages out of"},
    DeedRow{Deed::CreateBelow, Rights::Create, {}, "create mailboxes below"},
    DeedRow{Deed::Remove, Rights::Delete, {}, "delete or rename"},
    DeedRow{Deed::Administer, Rights::Administer, {}, "administer the rights of"},
    DeedRow{Deed::AskRights,
            {},
            Rights::Lookup | Rights::Read | Rights::Insert | Rights::Create | Rights::Delete |
                Rights::Administer,
            "ask for one's rights on"},
    DeedRow{Deed::Annotate, Rights::Lookup,
            Rights::Read | Rights::WriteSeen | Rights::Write | Rights::Insert | Rights::Post,
            "have annotations of"},
    // RFC 5464 section 3.3 names what is needed at the least: without this right, whoever may read
    // could change what all others see.
    DeedRow{Deed::AnnotateForAll, Rights::Lookup | Rights::Write, {}, "change annotations of"},
};

constexpr bool is_in_order() {
  for (std::size_t i = 0; i < deeds.size(); ++i) {
    if (static_cast<std::size_t>(deeds[i].deed) != i) return false;
  }
  return deeds.back().deed == Deed::AnnotateForAll;
}
static_assert(is_in_order(), "row() finds a deed by its number");

const DeedRow& row(Deed deed) { return deeds[static_cast<std::size_t>(deed)]; }

}  // namespace

Result<Rights> Rights::parse(std::string_view letters) {
  Rights rights;
  for (char letter : letters) {
    auto found = std::ranges::find(right_names, letter, &RightName::letter);
    if (found != right_names.end()) {
      rights = rights | found->right;
    } else if (letter == 'c') {
      rights = rights | Create | Delete;
    } else if (letter == 'd') {
      rights = rights | WriteDeleted | Expunge;
    } else {
      return Error(501, "There is no right " + printable(std::string(1, letter)) +
                            "; the rights are lrwstipekxa");
    }
  }
  return rights;
}

Result<Rights> Rights::parse_name(std::string_view name) {
  if (name == "all") return all();
  auto found = std::ranges::find(right_names, name, &RightName::name);
  if (found != right_names.end()) return Rights(found->right);
  return parse(name);
}

std::string Rights::letters() const {
  std::string out;
  for (const auto& known : right_names) {
    if (has(known.right)) out += known.letter;
  }
  return out;
}

std::string Rights::letters_with_obsolete() const {
  auto out = letters();
  if (has_any(Create | Delete)) out += 'c';
  if (has_any(WriteDeleted | Expunge)) out += 'd';
  return out;
}

std::vector<std::string_view> Rights::names() const {
  std::vector<std::string_view> out;
  for (const auto& known : right_names) {
    if (has(known.right)) out.push_back(known.name);
  }
  return out;
}

bool allows(Rights rights, Deed deed) {
  const auto& asked = row(deed);
  return rights.has(asked.needed) && (asked.one_of.empty() || rights.has_any(asked.one_of));
}

Error refusal(Rights rights, Deed deed, const MailboxName& name) {
  if (!rights.has(Rights::Lookup) || deed == Deed::AskRights) return no_such_mailbox(name);
  return Error(550, ResponseCode::NoPerm,
               "You may not " + std::string(row(deed).what) + " this mailbox: " + name.text());
}

}  // namespace pennypost::store
