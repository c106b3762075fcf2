#include "store/filtering/where_kept.h"

#include "store/filtering/script_cache.h"
#include "store/filtering/scripts_of.h"

namespace pennypost::store {

Result<sieve::WhereKept> where_kept(const Config& config, const AccountRef& account) {
  TRY(auto place, script_place(config, account));
  TRY(auto steps, script_steps(config, place));
  sieve::WhereKept where;
  for (const auto& step : steps) {
    if (step.path == spam_script_name) {
      where.folders.push_back(config.junk_mailbox);
      continue;
    }
    TRY(auto found, ScriptCache::own().at(step.path, config.sieve_max_script_size,
                                          offered_extensions(config, ScriptUse::Delivery)));
    if (found && found->script) sieve::add_where_kept(*found->script, where);
  }
  return where;
}

}  // namespace pennypost::store
