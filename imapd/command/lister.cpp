#include "imapd/command/lister.h"

#include <algorithm>

#include "common/base/assert.h"
#include "common/base/text.h"
#include "common/mail/encoded.h"
#include "imapd/response/untagged.h"

namespace pennypost::imap {
namespace {

using store::Folder;
using store::MailboxName;

// What a name costs besides its patterns.
constexpr std::size_t name_overhead = 256;

std::vector<ListPattern> patterns_of(const ListRequest& request, char separator, NameForm form) {
  std::vector<ListPattern> out;
  auto utf8 = [&](const std::string& text) {
    return form == NameForm::Utf8 ? text : decode_utf7(text).value_or(text);
  };
  auto reference = utf8(request.reference);
  for (const auto& pattern : request.patterns) {
    // RFC 5258 section 3: an empty pattern among several asks for nothing.
    if (pattern.empty()) continue;
    out.emplace_back(reference, utf8(pattern), separator);
  }
  return out;
}

// `spelt_out` as Folder has it.
bool any_matches(const std::vector<ListPattern>& patterns, std::string_view name,
                 std::size_t spelt_out = 0) {
  return std::ranges::any_of(patterns, [&](const ListPattern& pattern) {
    return pattern.spells(name.substr(0, spelt_out)) && pattern.matches(name);
  });
}

}  // namespace

std::string special_use(const std::vector<std::string>& setting, const MailboxName& name) {
  for (const auto& item : setting) {
    auto equals = item.find('=');
    if (!equal_nocase(item.substr(0, equals), name.text())) continue;
    return equals == std::string::npos ? '\\' + item : item.substr(equals + 1);
  }
  return "";
}

Lister::Lister(const ListRequest& request, const std::vector<std::string>& special_uses,
               char separator, std::vector<Folder> folders, std::vector<MailboxName> subscribed,
               NameForm form)
    : request_(request),
      special_uses_(special_uses),
      separator_(separator),
      form_(form),
      patterns_(patterns_of(request, separator, form)),
      folders_(std::move(folders)) {
  for (const auto& pattern : patterns_) name_cost_ += pattern.words();
  add_missing(std::move(subscribed));
}

// Subscribed names are listed though no such mailbox exists (RFC 5258 section 3.1), and with
// RECURSIVEMATCH the names above them as well (section 5, example 8).
void Lister::add_missing(std::vector<MailboxName> subscribed) {
  std::set<MailboxName> known;
  for (const auto& folder : folders_) known.insert(folder.name);
  auto add = [&](MailboxName name, bool is_subscribed) {
    if (!known.insert(name).second) return;
    Folder missing{std::move(name)};
    missing.selectable = missing.exists = false;
    missing.subscribed = is_subscribed;
    folders_.push_back(std::move(missing));
  };
  for (const auto& name : subscribed) add(name, true);
  if (!request_.select_recursive) return;
  for (const auto& name : subscribed) {
    for (const auto& above : parents(name.text(), separator_)) {
      auto parent = MailboxName::parse(above, separator_, SIZE_MAX, SIZE_MAX);
      if (parent) add(std::move(*parent), false);
    }
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
  bool is_matched = any_matches(patterns_, name, folder.spelt_out);
  is_matched_.push_back(is_matched);
  if (request_.select_recursive && selects(folder)) {
    for (const auto& above : parents(name, separator_)) above_selected_[above] |= !is_matched;
  }
  return name_overhead + name.size() * name_cost_;
}

std::size_t Lister::answer_next(std::vector<Answer>& out) {
  auto i = next_++;
  const auto& folder = folders_[i];
  if (!is_matched_[i]) return 1;
  auto below = above_selected_.find(folder.name.text());
  bool has_below = below != above_selected_.end();
  bool is_selected = selects(folder);
  if (is_selected || (has_below && below->second)) {
    out.push_back({line(folder, has_below), folder.name, is_selected && folder.selectable});
  }
  return name_overhead;
}

bool Lister::selects(const Folder& folder) const {
  if (request_.select_subscribed && !folder.subscribed) return false;
  return !request_.select_special_use || !special_use(special_uses_, folder.name).empty();
}

std::string Lister::line(const Folder& folder, bool has_selected_below) const {
  std::vector<std::string> attributes;
  // RFC 5258 section 3: only for clients that use the extension.
  if (!folder.exists && request_.extended) {
    attributes.emplace_back("\\NonExistent");
  } else if (!folder.selectable) {
    attributes.emplace_back("\\Noselect");
  }
  if (!folder.may_have_children) attributes.emplace_back("\\NoInferiors");
  attributes.emplace_back(folder.has_children ? "\\HasChildren" : "\\HasNoChildren");
  if (folder.subscribed && (request_.return_subscribed || request_.select_subscribed)) {
    attributes.emplace_back("\\Subscribed");
  }
  auto use = special_use(special_uses_, folder.name);
  if (!use.empty() && folder.selectable) attributes.push_back(use);
  std::vector<std::string> child_info;
  if (has_selected_below) child_info.emplace_back("SUBSCRIBED");
  return list_line("LIST", attributes, separator_, folder.name.text(), child_info, form_);
}

std::string as_not_selectable(std::string line) {
  constexpr std::string_view head = "* LIST (";
  ASSERT(line.starts_with(head));
  line.insert(head.size(), line[head.size()] == ')' ? "\\Noselect" : "\\Noselect ");
  return line;
}

std::string lsub_lines(const ListRequest& request, const std::vector<MailboxName>& subscribed,
                       char separator, NameForm form) {
  auto patterns = patterns_of(request, separator, form);
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
  for (const auto& name : names) out += list_line("LSUB", {}, separator, name, {}, form);
  for (const auto& name : above) {
    // RFC 3501 section 6.3.9: not subscribed itself, hence \Noselect.
    if (names.contains(name)) continue;
    out += list_line("LSUB", {"\\Noselect"}, separator, name, {}, form);
  }
  return out;
}

}  // namespace pennypost::imap
