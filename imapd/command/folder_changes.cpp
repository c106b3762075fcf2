#include "imapd/command/folder_changes.h"

#include "imapd/response/strings.h"

namespace pennypost::imap {
namespace {

using store::MailboxName;

// The mailbox right above; nothing at the top.
std::optional<MailboxName> parent_of(const MailboxName& name, char separator) {
  auto end = name.text().rfind(separator);
  if (end == std::string::npos) return std::nullopt;
  auto parent = MailboxName::parse(name.text().substr(0, end), separator, SIZE_MAX, SIZE_MAX);
  return parent ? std::optional(*std::move(parent)) : std::nullopt;
}

FolderState state_of(const FolderStates& states, const MailboxName& name) {
  auto at = states.find(name);
  return at == states.end() ? FolderState() : at->second;
}

}  // namespace

FolderStates folder_states(const std::vector<store::Folder>& folders,
                           const std::vector<MailboxName>& subscribed) {
  FolderStates states;
  for (const auto& folder : folders) {
    FolderState state;
    state.exists = folder.exists;
    state.is_selectable = folder.selectable;
    state.may_have_children = folder.may_have_children;
    state.has_children = folder.has_children;
    states[folder.name] = state;
  }
  for (const auto& name : subscribed) states[name].is_subscribed = true;
  return states;
}

std::vector<FolderChange> folder_changes(const FolderStates& before, const FolderStates& after,
                                         char separator) {
  std::map<MailboxName, FolderChange> changes;
  auto change = [&](const MailboxName& name) -> FolderChange& {
    return changes.try_emplace(name, FolderChange{name}).first->second;
  };
  auto compare = [&](const MailboxName& name) {
    auto old_state = state_of(before, name);
    auto new_state = state_of(after, name);
    if (old_state.exists != new_state.exists) {
      change(name).is_name = true;
      if (auto parent = parent_of(name, separator)) change(*parent).is_name = true;
    }
    if (old_state.is_subscribed != new_state.is_subscribed) change(name).is_subscription = true;
  };
  for (const auto& [name, state] : before) compare(name);
  for (const auto& [name, state] : after) {
    if (!before.contains(name)) compare(name);
  }
  std::vector<FolderChange> out;
  for (auto& [name, one] : changes) out.push_back(std::move(one));
  return out;
}

std::optional<MailboxName> name_after_rename(const MailboxName& name, const MailboxName& from,
                                             const MailboxName& to, char separator) {
  const auto& text = name.text();
  if (name != from && !text.starts_with(from.text() + separator)) return std::nullopt;
  auto target = MailboxName::parse(to.text() + text.substr(from.text().size()), separator, SIZE_MAX,
                                   SIZE_MAX);
  return target ? std::optional(*std::move(target)) : std::nullopt;
}

// Subscriptions stay with the names, also with those that do not exist.
void rename_states(FolderStates& states, const MailboxName& from, const MailboxName& to,
                   char separator) {
  FolderStates renamed;
  for (const auto& [name, state] : states) {
    if (state.is_subscribed) renamed[name].is_subscribed = true;
  }
  for (const auto& [name, state] : states) {
    auto& there = renamed[name_after_rename(name, from, to, separator).value_or(name)];
    if (there.exists) continue;
    bool is_subscribed = there.is_subscribed;
    there = state;
    there.is_subscribed = is_subscribed;
  }
  states = std::move(renamed);
}

std::string folder_line(const FolderStates& states, const MailboxName& name, char separator,
                        std::string_view old_name, NameForm form) {
  auto state = state_of(states, name);
  std::vector<std::string> attributes;
  if (!state.exists) {
    attributes.emplace_back("\\NonExistent");
  } else if (!state.is_selectable) {
    attributes.emplace_back("\\Noselect");
  }
  if (!state.may_have_children) attributes.emplace_back("\\NoInferiors");
  attributes.emplace_back(state.has_children ? "\\HasChildren" : "\\HasNoChildren");
  if (state.is_subscribed) attributes.emplace_back("\\Subscribed");
  std::string out = "* LIST ";
  append_list(out, attributes);
  out += ' ';
  append_string(out, std::string_view(&separator, 1));
  out += ' ';
  append_mailbox(out, name.text(), form);
  if (!old_name.empty()) {
    out += " (\"OLDNAME\" (";
    append_mailbox(out, old_name, form);
    out += "))";
  }
  return out + "\r\n";
}

}  // namespace pennypost::imap
