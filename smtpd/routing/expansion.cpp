#include "smtpd/routing/expansion.h"

#include <set>

#include "common/base/text.h"
#include "common/base/words.h"
#include "smtpd/routing/completion.h"

namespace pennypost::smtp {
namespace {

using store::AliasItem;

class Expander {
 public:
  Expander(const Recipient& parent, const Config& config, const ExpansionRules& rules)
      : parent_(parent), config_(config), rules_(rules) {}

  /// The place in which items are written.
  struct Place {
    std::string kind;      // as in allow_mail_to_commands
    std::string name;      // for errors
    std::string distrust;  // why no command, file or list may be used
    int depth = 0;         // how many :include: files it is nested in
  };

  Result<void> add(const std::vector<AliasItem>& items, const Place& place) {
    std::size_t number = 0;
    for (const auto& item : items) {
      ++number;
      if (children_.size() >= expansion_items_max) {
        return Error(554, "5.4.6",
                     parent_.address + " leads to more than " +
                         std::to_string(expansion_items_max) + " addresses");
      }
      switch (item.kind) {
        case AliasItem::Kind::Address: {
          TRY_DO(add_address(item.text, number, place));
          break;
        }
        case AliasItem::Kind::Command: {
          TRY_DO(add_program(item.text, RecipientKind::Command, place));
          break;
        }
        case AliasItem::Kind::File: {
          TRY_DO(add_program(item.text, RecipientKind::File, place));
          break;
        }
        case AliasItem::Kind::Include: {
          TRY_DO(include(item.text, place));
          break;
        }
      }
    }
    return {};
  }

  std::vector<Recipient> take() { return std::move(children_); }

 private:
  Recipient child() const {
    Recipient made = parent_;
    made.number = 0;
    made.is_self = false;
    made.is_virtual_self = false;
    if (parent_.kind == RecipientKind::Address) made.via = parent_.address;
    return made;
  }

  Result<void> add_address(std::string_view text, std::size_t number, const Place& place) {
    bool is_mailbox = text.starts_with('\\');
    if (is_mailbox) text.remove_prefix(1);
    auto address = complete_address(text, config_);
    if (!address) {
      return Error::temporary(
          "4.3.5", place.name + ": item " + std::to_string(number) + " is not an address");
    }
    Recipient made = child();
    made.kind = RecipientKind::Address;
    made.address = std::move(*address);
    made.run_as.clear();
    made.is_self = is_mailbox;
    children_.push_back(std::move(made));
    return {};
  }

  Result<void> add_program(const std::string& text, RecipientKind kind, const Place& place) {
    bool is_command = kind == RecipientKind::Command;
    const auto& allowed = is_command ? config_.allow_mail_to_commands : config_.allow_mail_to_files;
    if (!holds(allowed, place.kind)) {
      return Error(554, "5.7.1",
                   std::string("mail to ") + (is_command ? "command" : "file") +
                       " is restricted: " + place.name);
    }
    if (!place.distrust.empty()) return Error::temporary("4.3.5", place.distrust);
    Recipient made = child();
    made.kind = kind;
    made.address = text;
    made.run_as = rules_.run_as;
    children_.push_back(std::move(made));
    return {};
  }

  Result<void> include(const std::string& path, const Place& from) {
    if (from.depth > 0 && !from.distrust.empty()) {
      return Error::temporary("4.3.5", from.distrust);
    }
    // Each file is read once, even if it includes itself, directly or through others.
    if (!included_.insert(path).second) return {};
    Place place{"include", is_told(from) ? path : "a list that " + from.name + " includes", "",
                from.depth + 1};
    if (from.depth >= include_depth_max) {
      return Error::temporary("4.3.5", ":include: in " + from.name + " is nested more than " +
                                           std::to_string(include_depth_max) + " files deep");
    }
    auto list = rules_.read_list(path);
    if (!list) return Error::temporary("4.3.5", place.name + ": " + list.error().text());
    if (!list->read_by.empty()) {
      add_closed_list(path, list->read_by);
      return {};
    }
    auto items = store::parse_alias_file(list->text, place.name);
    if (!items) return Error::temporary("4.3.5", items.error().text());
    place.distrust = from.distrust.empty() ? list->distrust : from.distrust;
    return add(*items, place);
  }

  /// Whether errors may name an included file. What a list or a .forward includes is part of its
  /// text, which others may not be allowed to read.
  static bool is_told(const Place& from) { return from.depth == 0 && from.kind != "forward"; }

  void add_closed_list(const std::string& path, const std::string& reader) {
    Recipient made = child();
    made.kind = RecipientKind::Include;
    made.address = path;
    made.run_as = reader;
    children_.push_back(std::move(made));
  }

  const Recipient& parent_;
  const Config& config_;
  const ExpansionRules& rules_;
  std::vector<Recipient> children_;
  std::set<std::string> included_;
};

/// The address meant by `ann%host` or `host!ann`, if allow_percent_hack or swap_bangpath is set.
std::optional<MailAddress> behind_bare_route(const MailAddress& address, const Settings& settings) {
  auto route = address.hidden_route();
  bool is_taken =
      route && ((route->kind == HiddenRoute::Kind::Percent && settings.allow_percent_hack) ||
                (route->kind == HiddenRoute::Kind::Bang && settings.swap_bangpath));
  if (!is_taken) return {};
  auto domain = Domain::parse(route->destination, Utf8::Allowed);
  if (!domain) return {};
  auto other = MailAddress::make(route->user, *std::move(domain));
  if (!other) return {};
  return *std::move(other);
}

}  // namespace

Result<std::vector<Recipient>> expand_items(const std::vector<AliasItem>& items,
                                            const Recipient& parent, const Config& config,
                                            const ExpansionRules& rules) {
  Expander expander(parent, config, rules);
  Expander::Place place{rules.place, rules.place + " " + parent.served_address(), rules.distrust,
                        0};
  TRY_DO(expander.add(items, place));
  return expander.take();
}

Result<MailAddress> completed(MailAddress address, const Settings& settings) {
  if (address.is_null()) return address;
  if (!address.domain()) {
    if (auto other = behind_bare_route(address, settings)) address = *std::move(other);
  }
  if (is_complete(address)) return address;
  TRY(auto completion, completion_of(settings));
  return completion.complete(std::move(address));
}

Result<std::string> complete_address(std::string_view text, const Config& config) {
  TRY(auto address, MailAddress::parse(text, Utf8::Allowed));
  if (address.is_null()) return Error(501, "5.1.3", "empty address");
  TRY(address, completed(std::move(address), config));
  return address.text();
}

}  // namespace pennypost::smtp
