#include "common/process/mail_rights.h"

namespace pennypost {

Result<Privileges> mail_rights(const Config& config, Identity identity) {
  // Only system users have mailboxes in the spool, to which the group may write.
  bool is_system_user =
      identity.name != config.virtual_mail_owner && identity.name != config.default_privs;
  Privileges keep;
  keep.identity = std::move(identity);
  for (const auto& name : config.mail_access_groups) {
    TRY(auto group, Identity::find_group(name));
    if (group) keep.identity->groups.push_back(*group);
  }
  if (is_system_user && config.mail_location.starts_with("mbox:")) {
    TRY(keep.saved_group, Identity::find_group(config.mail_privileged_group));
  }
  return keep;
}

}  // namespace pennypost
