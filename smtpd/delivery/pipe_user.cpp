#include "smtpd/delivery/pipe_user.h"

#include "common/base/text.h"

namespace pennypost::smtp {

Result<Identity> pipe_identity(const Config& config, const OwnTransport& transport) {
  const PipeCommand& pipe = transport.pipe;
  std::string about = transport.where + ": transport." + transport.name + ".user: ";
  auto fail = [&](const std::string& what) {
    return Error::temporary("4.3.5", about + what + "; make an account for this command");
  };
  TRY(auto found, Identity::find(pipe.user));
  if (!found) return fail("there is no account \"" + printable(pipe.user, 100) + "\"");
  Identity identity = *std::move(found);
  identity.groups.clear();  // as in Postfix
  if (!pipe.group.empty()) {
    TRY(auto group, Identity::find_group(pipe.group));
    if (!group) return fail("there is no group \"" + printable(pipe.group, 100) + "\"");
    identity.gid = *group;
  }
  TRY(auto owner, Identity::find(config.mail_owner));
  if (identity.uid == 0 || identity.gid == 0) return fail("the command may not run as root");
  bool is_ours = owner && (identity.uid == owner->uid || identity.gid == owner->gid);
  if (is_ours)
    return fail("the command may not run as " + config.mail_owner + ", who owns the queue");
  return identity;
}

}  // namespace pennypost::smtp
