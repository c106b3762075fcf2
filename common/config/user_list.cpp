#include "common/config/user_list.h"

#include "common/base/text.h"
#include "common/config/tables.h"

namespace pennypost {

const std::vector<std::string>& authorized_users(const Settings& settings, LocalRight right) {
  if (right == LocalRight::List) return settings.authorized_mailq_users;
  if (right == LocalRight::Flush) return settings.authorized_flush_users;
  return settings.authorized_submit_users;
}

bool admits_everybody(const std::vector<std::string>& list) {
  return !list.empty() && list.front().starts_with("static:");
}

Result<bool> is_listed_user(const std::vector<std::string>& list, std::string_view user,
                            const HoldsName& holds) {
  for (std::string_view item : list) {
    bool is_excluded = item.starts_with('!');
    if (is_excluded) item.remove_prefix(1);
    bool is_match = equal_nocase(item, user);
    if (TableRef::is_table(item)) {
      TRY(auto table, table_of_item(item));
      TRY(is_match, holds(table, user));
    }
    if (is_match) return !is_excluded;
  }
  return false;
}

std::string right_refused(LocalRight right, std::string_view user, std::uint32_t uid) {
  std::string_view what = "submit mail";
  if (right == LocalRight::List) what = "view the mail queue";
  if (right == LocalRight::Flush) what = "flush the mail queue";
  return "User " + printable(user, 100) + "(" + std::to_string(uid) + ") is not allowed to " +
         std::string(what);
}

}  // namespace pennypost
