#include "store/sharing/share_register.h"

#include <algorithm>
#include <span>

#include "common/base/text.h"
#include "common/log/log.h"
#include "store/mailbox/dotlock.h"
#include "store/sharing/acl_file.h"

namespace pennypost::store {
namespace {

constexpr std::string_view head = "pennypost-shares 1";

Error corrupt(std::string_view why) {
  return Error(550, ResponseCode::Corruption, std::string(why));
}

// Those of one identifier.
std::span<const ShareRegister::Share> range_of(const ShareRegister::Shares& shares,
                                               const std::string& identifier) {
  auto first = std::ranges::lower_bound(shares, identifier, {}, &ShareRegister::Share::first);
  auto last = std::find_if(first, shares.end(), [&](const ShareRegister::Share& share) {
    return share.first != identifier;
  });
  return {first, last};
}

}  // namespace

std::vector<std::string> ShareRegister::owners_for(const Visitor& visitor) {
  auto known = shares();
  if (!known) {
    log_warning("acl", known.error().text());
    return {};
  }
  using Kind = Identifier::Kind;
  std::set<std::string> owners;
  std::vector<Identifier> identifiers{{Kind::User, visitor.name},
                                      {Kind::User, visitor.short_name},
                                      {Kind::Authenticated, ""},
                                      {Kind::Anyone, ""}};
  for (const auto& group : visitor.groups) {
    identifiers.push_back({Kind::Group, group});
    identifiers.push_back({Kind::GroupOverride, group});
  }
  for (const auto& who : identifiers) {
    for (const auto& share : range_of(**known, who.text())) {
      if (share.second == visitor.name) continue;
      if (owners.size() == owners_max && !owners.contains(share.second)) {
        log_warning("acl", visitor.name + ": more than " + std::to_string(owners_max) +
                               " users share mailboxes with them; LIST shows no others");
        return {owners.begin(), owners.end()};
      }
      owners.insert(share.second);
    }
  }
  return {owners.begin(), owners.end()};
}

Result<std::vector<std::string>> ShareRegister::owners_of(const std::string& identifier) {
  TRY(auto known, shares());
  std::set<std::string> owners;
  for (const auto& share : *known) {
    if (identifier.empty() || share.first == identifier) owners.insert(share.second);
  }
  return std::vector<std::string>(owners.begin(), owners.end());
}

Result<void> ShareRegister::set(const std::string& owner,
                                const std::set<std::string>& identifiers) {
  DotlockRule rule;
  rule.delay_ms = 50;
  rule.brief_ms = brief_lock_ms_;
  TRY(auto lock, Dotlock::take(path_, rule));
  TRY(auto known, shares());
  auto changed = *known;
  std::erase_if(changed, [&](const Share& share) { return share.second == owner; });
  for (const auto& identifier : identifiers) changed.emplace_back(identifier, owner);
  std::ranges::sort(changed);
  auto text = text_of(changed);
  if (text.size() > file_bytes_max) {
    return Error(550, ResponseCode::Limit, "Too many mailboxes are shared on this host");
  }
  return replace_file(path_, path_ + ".tmp", text);
}

Result<void> ShareRegister::recount(const std::string& owner, MailStore& store) {
  std::set<std::string> identifiers;
  TRY(auto folders, store.list());
  for (const auto& folder : folders) {
    if (!folder.exists) continue;
    auto file = AclFile::of(store, folder.name);
    if (!file && file.error().response_code() == ResponseCode::NonExistent) continue;
    if (!file) return std::move(file).error();
    auto acl = file->read();
    if (!acl && acl.error().is_temporary()) return std::move(acl).error();
    if (!acl) continue;  // it grants nothing
    for (const auto& entry : acl->entries()) {
      bool is_for_others = entry.who.kind != Identifier::Kind::Owner && entry.granted &&
                           entry.granted->rights.has(Rights::Lookup);
      if (is_for_others) identifiers.insert(entry.who.text());
    }
  }
  return set(owner, identifiers);
}

Result<std::shared_ptr<const ShareRegister::Shares>> ShareRegister::shares() {
  auto now = FileStamp::of(path_);
  {
    std::lock_guard guard(mutex_);
    if (shares_ && now == stamp_) return shares_;
  }
  auto read_at = wall_clock_ns();
  TRY(auto text, read_file(path_, file_bytes_max));
  auto parsed = text ? parse(*text) : Result<Shares>(Shares());
  if (!parsed) {
    return corrupt(path_ + ": " + parsed.error().text() +
                   "; remove it, and run pennypost acl recalc -A");
  }
  auto fresh = std::make_shared<const Shares>(*std::move(parsed));
  // One that was changed just now may change again without showing it.
  if (!now.settled(read_at)) return fresh;
  std::lock_guard guard(mutex_);
  stamp_ = now;
  shares_ = fresh;
  return fresh;
}

Result<ShareRegister::Shares> ShareRegister::parse(std::string_view text) {
  auto lines = split(text, '\n');
  // The last line is ended as well: behind it nothing follows.
  if (lines.size() < 2 || lines.front() != head || !lines.back().empty()) {
    return corrupt("it is no file of pennypost's");
  }
  Shares shares;
  for (std::size_t i = 1; i + 1 < lines.size(); ++i) {
    auto tab = lines[i].find('\t');
    if (tab == 0 || tab == lines[i].npos || tab + 1 == lines[i].size()) {
      return corrupt("line " + std::to_string(i + 1) + " is no share");
    }
    shares.emplace_back(lines[i].substr(0, tab), lines[i].substr(tab + 1));
  }
  std::ranges::sort(shares);
  return shares;
}

std::string ShareRegister::text_of(const Shares& shares) {
  std::string text = std::string(head) + "\n";
  for (const auto& [identifier, owner] : shares) text += identifier + "\t" + owner + "\n";
  return text;
}

}  // namespace pennypost::store
