#include "imapd/command/lister.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/mail/encoded.h"
#include "imapd/response/untagged.h"

namespace pennypost::imap {
namespace {

using store::Folder;
using store::MailboxName;

// What a name takes besides its patterns.
constexpr std::size_t name_overhead = 256;

std::vector<ListPattern> patterns_of(const ListRequest& request, char separator) {
  std::vector<ListPattern> out;
  auto reference = decode_utf7(request.reference).value_or(request.reference);
  for (const auto& pattern : request.patterns) {
    out.emplace_back(reference, decode_utf7(pattern).value_or(pattern), separator);
  }
  return out;
}

bool any_matches(const std::vector<ListPattern>& patterns, std::string_view name) {
  return std::ranges::any_of(patterns,
                             [&](const ListPattern& pattern) { return pattern.matches(name); });
}

// imap_special_use: `NAME`, or `NAME=\Use`; the attribute of a mailbox, "" for none.
std::string special_use(const std::vector<std::string>& setting, const MailboxName& name) {
  for (const auto& item : setting) {
    auto equals = item.find('=');
    if (!equal_nocase(item.substr(0, equals), name.text())) continue;
    return equals == std::string::npos ? '\\' + item : item.substr(equals + 1);
  }
  return "";
}

}  // namespace

Lister::Lister(const ListRequest& request, const std::vector<std::string>& special_uses,
               char separator, std::vector<Folder> folders, std::vector<MailboxName> subscribed)
    : request_(request),
      special_uses_(special_uses),
      separator_(separator),
      patterns_(patterns_of(request, separator)),
      folders_(std::move(folders)),
      existing_(folders_.size()) {
  for (const auto& pattern : patterns_) name_cost_ += pattern.words();
  std::set<MailboxName> existing;
  for (const auto& folder : folders_) existing.insert(folder.name);
  // Subscribed names are listed though no such mailbox exists (RFC 5258 section 3.4).
  for (auto& name : subscribed) {
    if (existing.contains(name)) continue;
    Folder missing{std::move(name), store::SpecialUse::None, false, false, true};
    folders_.push_back(std::move(missing));
  }
}

bool Lister::run(std::size_t cost, std::vector<Answer>& out) {
  for (std::size_t spent = 0; spent < cost;) {
    if (is_matched_.size() < folders_.size()) {
      spent += match_next();
    } else if (next_ < folders_.size()) {
      spent += answer_next(out);
    } else {
      return false;
    }
  }
  return true;
}

std::size_t Lister::match_next() {
  const auto& folder = folders_[is_matched_.size()];
  const auto& name = folder.name.text();
  is_matched_.push_back(any_matches(patterns_, name));
  if (request_.select_recursive && selects(folder) && !is_matched_.back()) {
    for (auto& above : parents(name, separator_)) above_selected_.insert(std::move(above));
  }
  return name_overhead + name.size() * name_cost_;
}

std::size_t Lister::answer_next(std::vector<Answer>& out) {
  auto i = next_++;
  const auto& folder = folders_[i];
  if (!is_matched_[i]) return 1;
  bool below = above_selected_.contains(folder.name.text());
  if (selects(folder) || below) {
    out.push_back({line(folder, i < existing_, below), folder.name, folder.selectable});
  }
  return name_overhead;
}

bool Lister::selects(const Folder& folder) const {
  if (request_.select_subscribed && !folder.subscribed) return false;
  return !request_.select_special_use || !special_use(special_uses_, folder.name).empty();
}

std::string Lister::line(const Folder& folder, bool exists, bool has_selected_below) const {
  std::vector<std::string> attributes;
  if (!exists) {
    attributes.emplace_back("\\NonExistent");
  } else if (!folder.selectable) {
    attributes.emplace_back("\\Noselect");
  }
  if (exists) attributes.emplace_back(folder.has_children ? "\\HasChildren" : "\\HasNoChildren");
  if (folder.subscribed && (request_.return_subscribed || request_.select_subscribed)) {
    attributes.emplace_back("\\Subscribed");
  }
  auto use = special_use(special_uses_, folder.name);
  if (!use.empty() && folder.selectable) attributes.push_back(use);
  std::vector<std::string> child_info;
  if (has_selected_below) child_info.emplace_back("SUBSCRIBED");
  return list_line("LIST", attributes, separator_, folder.name.text(), child_info);
}

std::string lsub_lines(const ListRequest& request, const std::vector<MailboxName>& subscribed,
                       char separator) {
  auto patterns = patterns_of(request, separator);
  bool has_percent = request.patterns.front().find('%') != std::string::npos;
  std::set<std::string> names;
  std::set<std::string> above;
  for (const auto& name : subscribed) {
    if (any_matches(patterns, name.text())) {
      names.insert(name.text());
    } else if (has_percent) {
      for (auto& parent : parents(name.text(), separator)) {
        if (any_matches(patterns, parent)) above.insert(std::move(parent));
      }
    }
  }
  std::string out;
  for (const auto& name : names) out += list_line("LSUB", {}, separator, name);
  for (const auto& name : above) {
    // RFC 3501 section 6.3.9: not subscribed itself, hence \Noselect.
    if (!names.contains(name)) out += list_line("LSUB", {"\\Noselect"}, separator, name);
  }
  return out;
}

}  // namespace pennypost::imap
