#include "imapd/admin/folder_plan.h"

#include <algorithm>
#include <optional>
#include <set>

#include "common/base/text.h"

namespace pennypost::imap {
namespace {

std::string in_utf8(std::string_view name) {
  auto decoded = store::modified_utf7_decode(name);
  return decoded ? *std::move(decoded) : std::string(name);
}

bool is_inbox(std::string_view name) { return equal_nocase(name, "INBOX"); }

class Planner {
 public:
  explicit Planner(FolderPlanning planning) : in_(std::move(planning)) {}

  FolderPlan plan() {
    std::ranges::sort(in_.folders, {}, &ListedFolder::name);
    std::vector<const ListedFolder*> taken;
    for (const auto& folder : in_.folders) {
      if (!is_wanted(folder)) continue;
      taken.push_back(&folder);
      plain_.insert(plain_name(folder));
    }
    for (const auto* folder : taken) add(*folder);
    return std::move(plan_);
  }

 private:
  bool is_wanted(const ListedFolder& folder) {
    if (folder.has("\\Noselect") || folder.has("\\NonExistent")) return false;
    auto shown = printable(in_utf8(folder.name), 200);
    if (!in_.chosen.empty()) {
      return std::ranges::find(in_.chosen, in_utf8(folder.name)) != in_.chosen.end();
    }
    for (const auto& prefix : in_.namespaces.others) {
      if (folder.name.starts_with(prefix)) {
        plan_.left_out.push_back(shown + " is not the user's own");
        return false;
      }
    }
    if (folder.has("\\All") || folder.has("\\Flagged")) {
      plan_.left_out.push_back(shown + " shows messages of other folders; --folder copies it");
      return false;
    }
    return true;
  }

  /// Its name here, if it had no special use.
  std::string plain_name(const ListedFolder& folder) const {
    if (is_inbox(folder.name)) return "INBOX";
    std::string_view rest = folder.name;
    const auto& prefix = in_.namespaces.prefix;
    if (rest.size() > prefix.size() && starts_with_nocase(rest, prefix)) {
      rest.remove_prefix(prefix.size());
    }
    // A NUL is in no name: one without levels is not split.
    std::string name;
    for (auto level : split(rest, folder.separator)) {
      if (level.empty()) continue;
      if (!name.empty()) name += in_.separator;
      name += level_name(level);
    }
    return name;
  }

  std::string level_name(std::string_view level) const {
    auto name = in_utf8(level);
    for (char& c : name) {
      if (c == in_.separator || c == '/' || is_control(c)) c = '_';
    }
    if (in_.separator == '/' && name.starts_with('.')) name.front() = '_';
    return name;
  }

  std::optional<std::string> special_name(const ListedFolder& folder) const {
    for (const auto& [name, use] : in_.special_uses) {
      auto text = store::special_use_text(use);
      if (!text.empty() && folder.has(text) && !plain_.contains(name)) return name;
    }
    return std::nullopt;
  }

  void add(const ListedFolder& folder) {
    auto plain = plain_name(folder);
    auto wanted = is_inbox(folder.name) ? plain : special_name(folder).value_or(plain);
    auto name = wanted;
    for (int number = 2; name.empty() || !used_.insert(name).second; ++number) {
      if (name.empty() || number > same_names_max) {
        plan_.left_out.push_back(printable(in_utf8(folder.name), 200) + " has no name here");
        return;
      }
      name = wanted + "_" + std::to_string(number);
    }
    bool is_subscribed = std::ranges::find(in_.subscribed, folder.name) != in_.subscribed.end();
    plan_.folders.push_back({folder.name, std::move(name), is_subscribed});
  }

  FolderPlanning in_;
  FolderPlan plan_;
  std::set<std::string> plain_;
  std::set<std::string> used_;
};

}  // namespace

FolderPlan plan_folders(FolderPlanning planning) { return Planner(std::move(planning)).plan(); }

}  // namespace pennypost::imap
