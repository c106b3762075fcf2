#include "store/mailbox/folders.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "common/base/text.h"
#include "store/mailbox/dotlock.h"
#include "store/mailbox/file.h"

namespace pennypost::store {
namespace {

constexpr std::uint64_t subscriptions_bytes_max = 16 << 20;
constexpr std::string_view version_2_head = "V\t2";

constexpr std::array<std::pair<std::string_view, SpecialUse>, 12> special_names{{
    {"Archive", SpecialUse::Archive},
    {"Archives", SpecialUse::Archive},
    {"Deleted Items", SpecialUse::Trash},
    {"Deleted Messages", SpecialUse::Trash},
    {"Drafts", SpecialUse::Drafts},
    {"Junk", SpecialUse::Junk},
    {"Junk E-mail", SpecialUse::Junk},
    {"Sent", SpecialUse::Sent},
    {"Sent Items", SpecialUse::Sent},
    {"Sent Messages", SpecialUse::Sent},
    {"Spam", SpecialUse::Junk},
    {"Trash", SpecialUse::Trash},
}};

constexpr std::array all_uses{SpecialUse::All,     SpecialUse::Archive, SpecialUse::Drafts,
                              SpecialUse::Flagged, SpecialUse::Junk,    SpecialUse::Sent,
                              SpecialUse::Trash};

SpecialUse usual_use(std::string_view name) {
  for (auto [special, use] : special_names) {
    if (equal_nocase(special, name)) return use;
  }
  return SpecialUse::None;
}

DotlockRule subscriptions_rule(int brief_ms) {
  DotlockRule rule;
  rule.brief_ms = brief_ms;
  rule.attempts = 100;
  rule.delay_ms = 100;
  return rule;
}

// Resolves Dovecot's escapes in tab-separated fields: 001 before one of 0 1 t r n.
std::string tab_unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\001' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    switch (text[++i]) {
      case '0':
        out += '\0';
        break;
      case '1':
        out += '\001';
        break;
      case 't':
        out += '\t';
        break;
      case 'r':
        out += '\r';
        break;
      case 'n':
        out += '\n';
        break;
      default:
        out += text[i];
    }
  }
  return out;
}

}  // namespace

SpecialUse special_use_of(std::string_view name, const StoreSettings& settings) {
  for (const auto& [special, use] : settings.special_uses) {
    if (special == name) return use;
  }
  return settings.special_uses.empty() ? usual_use(name) : SpecialUse::None;
}

std::vector<std::pair<std::string, SpecialUse>> parse_special_uses(
    const std::vector<std::string>& items) {
  std::vector<std::pair<std::string, SpecialUse>> uses;
  for (const auto& item : items) {
    auto equals = item.find('=');
    auto name = item.substr(0, equals);
    auto use = usual_use(name);
    if (equals != std::string::npos) {
      use = SpecialUse::None;
      for (auto candidate : all_uses) {
        if (equal_nocase(special_use_text(candidate), item.substr(equals + 1))) use = candidate;
      }
    }
    if (use != SpecialUse::None) uses.emplace_back(name, use);
  }
  return uses;
}

bool is_below(const MailboxName& name, const MailboxName& parent, char separator) {
  const auto& above = parent.text();
  return name.text().size() > above.size() + 1 && name.text().starts_with(above) &&
         name.text()[above.size()] == separator;
}

std::vector<MailboxName> names_above(const MailboxName& name, char separator) {
  std::vector<MailboxName> names;
  auto text = std::string_view(name.text());
  for (auto at = text.find(separator); at != std::string_view::npos;
       at = text.find(separator, at + 1)) {
    auto above = MailboxName::parse(text.substr(0, at), separator, SIZE_MAX, SIZE_MAX);
    if (above) names.push_back(*std::move(above));
  }
  return names;
}

std::string renamed(const MailboxName& name, const MailboxName& old_parent,
                    const MailboxName& new_parent) {
  return new_parent.text() + name.text().substr(old_parent.text().size());
}

std::vector<Folder> folder_tree(FolderKinds existing, char separator,
                                const std::vector<MailboxName>& subscribed,
                                const StoreSettings& settings) {
  existing.try_emplace(MailboxName::inbox(), FolderKind::Mailbox);
  std::map<MailboxName, Folder> tree;
  auto place = [&](const MailboxName& name) -> Folder& {
    auto use = special_use_of(name.text(), settings);
    return tree.try_emplace(name, Folder{name, use, false, false, false, false}).first->second;
  };
  for (const auto& [name, kind] : existing) {
    auto& folder = place(name);
    folder.exists = true;
    folder.selectable = kind != FolderKind::Directory;
    folder.may_have_children = kind != FolderKind::Leaf;
    for (const auto& parent : names_above(name, separator)) place(parent).has_children = true;
  }
  for (const auto& name : subscribed) {
    if (auto at = tree.find(name); at != tree.end()) at->second.subscribed = true;
  }
  std::vector<Folder> folders{tree.at(MailboxName::inbox())};
  for (auto& [name, folder] : tree) {
    if (!name.is_inbox()) folders.push_back(std::move(folder));
  }
  return folders;
}

bool Subscriptions::has_file() const { return FileStamp::of(path_).exists(); }

Result<std::vector<MailboxName>> Subscriptions::read() const {
  TRY(auto text, read_file(path_, subscriptions_bytes_max));
  return parse(text.value_or(""), separator_);
}

std::vector<MailboxName> Subscriptions::parse(std::string_view text, char separator) {
  std::vector<MailboxName> names;
  std::set<std::string> known;
  auto lines = split(text, '\n');
  bool version_2 = lines.front() == version_2_head;
  for (std::size_t i = version_2 ? 1 : 0; i < lines.size(); ++i) {
    if (lines[i].empty()) continue;
    std::string levels(lines[i]);
    if (version_2) {
      std::vector<std::string> parts;
      for (auto part : split(lines[i], '\t')) parts.push_back(tab_unescape(part));
      levels = join(parts, std::string(1, separator));
    }
    auto utf8 = modified_utf7_decode(levels);
    if (!utf8) continue;
    auto name = MailboxName::parse(*utf8, separator, SIZE_MAX, SIZE_MAX);
    if (name && known.insert(name->text()).second) names.push_back(*std::move(name));
  }
  return names;
}

Result<void> Subscriptions::add(const MailboxName& name) const {
  TRY(auto lock, Dotlock::take(path_, subscriptions_rule(brief_lock_ms_)));
  TRY(auto names, read());
  if (std::ranges::find(names, name) != names.end()) return {};
  names.push_back(name);
  return write(names);
}

Result<void> Subscriptions::remove(const MailboxName& name) const {
  TRY(auto lock, Dotlock::take(path_, subscriptions_rule(brief_lock_ms_)));
  TRY(auto names, read());
  if (std::erase(names, name) == 0) return {};
  return write(names);
}

Result<void> Subscriptions::write(const std::vector<MailboxName>& names) const {
  return replace_file(path_, path_ + ".tmp", text_of(names, separator_));
}

std::string Subscriptions::text_of(const std::vector<MailboxName>& names, char separator) {
  std::string text = std::string(version_2_head) + "\n\n";
  for (const auto& name : names) {
    auto line = modified_utf7_encode(name.text()).value_or("");
    std::ranges::replace(line, separator, '\t');
    text += line + "\n";
  }
  return text;
}

}  // namespace pennypost::store
