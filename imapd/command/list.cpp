// LIST and LSUB.
//
// STANDARDS  RFC 9051 section 6.3.9, RFC 3501 sections 6.3.8 and 6.3.9, RFC 5258 (selection and
// return
//            options), RFC 5819 (STATUS), RFC 6154 (SPECIAL-USE), RFC 3348 (CHILDREN)
#include <algorithm>
#include <set>

#include "common/base/text.h"
#include "common/mail/encoded.h"
#include "imapd/command/pattern.h"
#include "imapd/response/untagged.h"
#include "imapd/session/session.h"

namespace pennypost::imap {
namespace {

using store::Folder;
using store::MailboxName;

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

// What the answer to LIST is made of.
class Lister {
 public:
  Lister(const ListRequest& request, const std::vector<std::string>& special_uses, char separator)
      : request_(request),
        special_uses_(special_uses),
        separator_(separator),
        patterns_(patterns_of(request, separator)) {}

  bool matches(const MailboxName& name) const { return any_matches(patterns_, name.text()); }

  bool selects(const Folder& folder) const {
    if (request_.select_subscribed && !folder.subscribed) return false;
    return !request_.select_special_use || !special_use(special_uses_, folder.name).empty();
  }

  // Of RFC 5258 section 3.5: names below this one that are selected, but not listed themselves.
  bool has_selected_below(const Folder& folder, const std::vector<Folder>& all) const {
    auto prefix = folder.name.text() + separator_;
    return std::ranges::any_of(all, [&](const Folder& other) {
      return other.name.text().starts_with(prefix) && selects(other) && !matches(other.name);
    });
  }

  std::string line(const Folder& folder, bool exists, bool selected_below) const {
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
    if (selected_below) child_info.emplace_back("SUBSCRIBED");
    return list_line("LIST", attributes, separator_, folder.name.text(), child_info);
  }

 private:
  const ListRequest& request_;
  const std::vector<std::string>& special_uses_;
  char separator_;
  std::vector<ListPattern> patterns_;
};

// LSUB's answer: the subscribed names that match, and with `%` the names above those that it stops
// short of.
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

}  // namespace

Task<Reply> Session::list(const CommandHead& command) {
  CO_TRY(auto request, parse_list(command.arguments, surroundings_->limits));
  auto separator = store_->separator();
  if (!request.extended && request.patterns.front().empty()) {
    // RFC 9051 section 6.3.9: asks for the separator alone.
    put(list_line("LIST", {"\\Noselect"}, separator, ""));
    co_return Reply::ok("List completed.");
  }
  CO_TRY(auto folders, co_await loop_.offload([&] { return store_->list(); }));
  if (surroundings_->settings().imap_auto_create_special && folders.size() == 1) {
    auto creating = create_special_folders();
    CO_TRY(auto created, co_await std::move(creating));
    if (created) {
      CO_TRY(folders, co_await loop_.offload([&] { return store_->list(); }));
    }
  }
  std::set<MailboxName> existing;
  for (const auto& folder : folders) existing.insert(folder.name);
  if (request.select_subscribed) {
    // Subscribed names are listed though no such mailbox exists (RFC 5258 section 3.4).
    CO_TRY(auto names, co_await loop_.offload([&] { return store_->subscriptions(); }));
    for (auto& name : names) {
      if (existing.contains(name)) continue;
      Folder missing{std::move(name), store::SpecialUse::None, false, false, true};
      folders.push_back(std::move(missing));
    }
  }
  Lister lister(request, surroundings_->settings().imap_special_use, separator);
  for (const auto& folder : folders) {
    if (!lister.matches(folder.name)) continue;
    bool below = request.select_recursive && lister.has_selected_below(folder, folders);
    if (!lister.selects(folder) && !below) continue;
    put(lister.line(folder, existing.contains(folder.name), below));
    if (!request.return_status.empty() && folder.selectable) {
      auto reporting = report_status(folder.name, request.return_status);
      auto line = co_await std::move(reporting);
      // RFC 5819 section 2: a mailbox that can't be looked into is listed all the same.
      if (line) put(*line);
    }
    co_await send_if_much();
  }
  co_return Reply::ok("List completed.");
}

// imap_auto_create_special: an account that holds nothing but INBOX and no subscriptions is new.
Task<Result<bool>> Session::create_special_folders() {
  CO_TRY(auto subscribed, co_await loop_.offload([&] { return store_->subscriptions(); }));
  if (!subscribed.empty()) co_return false;
  bool created = false;
  for (const auto& item : surroundings_->settings().imap_special_use) {
    auto name = store_->parse_name(item.substr(0, item.find('=')));
    if (!name) continue;
    auto done = co_await loop_.offload([&] {
      auto made = store_->create(*name);
      if (made) return store_->subscribe(*name);
      return made;
    });
    created = created || done.has_value();
  }
  co_return created;
}

Task<Reply> Session::lsub(const CommandHead& command) {
  CO_TRY(auto request, parse_lsub(command.arguments, surroundings_->limits));
  if (request.patterns.front().empty()) {
    put(list_line("LSUB", {"\\Noselect"}, store_->separator(), ""));
    co_return Reply::ok("Lsub completed.");
  }
  CO_TRY(auto subscribed, co_await loop_.offload([&] { return store_->subscriptions(); }));
  put(lsub_lines(request, subscribed, store_->separator()));
  co_return Reply::ok("Lsub completed.");
}

}  // namespace pennypost::imap
