"""Rules of Azure Storage: firewall, roles, access control lists, the two protocols."""

from __future__ import annotations

from cloud_emulator.core.rules.model import table

RULES = table(
    """
storage.firewall.default D With the default action Deny, addresses that no rule names are kept out.
storage.firewall.disabled D With public access disabled, IP rules let nobody in.
storage.firewall.before_rights D The firewall is asked before rights are.
storage.firewall.instance D A resource instance rule lets in the workspace that it names, and no other.
storage.firewall.fabric D Fabric without trusted access comes from addresses that no rule names.
storage.firewall.delegator D Trusted access by folder or container also takes Storage Blob Delegator (stricter reading).
storage.rights.needed D Whoever has neither role nor access list entry reads nothing.
storage.rights.role_first D A data role suffices, whatever the access lists say.
storage.rights.reader_reads D Storage Blob Data Reader doesn't write.
storage.rights.containers D Making and listing containers takes a role; access lists don't help.
storage.rights.no_keys D Account keys aren't accepted.
storage.acl.traversal D Access lists must give X on every directory above, the root included.
storage.acl.list D Listing a directory takes R and X on it.
storage.acl.owner D The owner is judged by the owner's entry alone.
storage.acl.named_user D A named user's entry decides, even when it gives less than a group's or other.
storage.acl.groups D A group's entry holds for its members.
storage.acl.mask D The mask limits named users and all groups.
storage.acl.other D Who isn't named is judged by other.
storage.acl.inherited D A new child gets its parent's default entries, others' given to nobody.
storage.acl.umask D Without default entries a new child gets the usual bits less the umask.
storage.acl.bases D A list has entries for the owner, the owning group and others.
storage.acl.object_id E Access lists know object ids; an application id in one is nobody's.
storage.acl.most_entries D A list holds at most 32 entries, 28 of them named.
storage.acl.default_on_directory D Only a directory has default entries.
storage.acl.who_sets D A list is changed by the path's owner or Storage Blob Data Owner.
storage.acl.who_owns D Ownership is given away by Storage Blob Data Owner only.
storage.acl.recursive_failures D Setting lists recursively reports each path where it failed, and goes no further.
storage.namespace.needed D Access lists and directories take a hierarchical namespace.
storage.conditions.if_match D If-Match with another ETag is 412.
storage.conditions.if_none_match D If-None-Match: * doesn't replace what is there.
storage.leases.needed D While something is leased, changing it takes the lease's id.
storage.paths.recursive D A directory that isn't empty is deleted recursively only.
storage.paths.kind D A rename puts no file in a directory's place, nor a directory in a file's.
storage.paths.flush D Appended data becomes the file's only when flushed, and without gaps.
storage.protocol.version D A request with a bearer token names x-ms-version.
storage.protocol.endpoint M A whole blob put to the DFS address is IncorrectEndpointError.
storage.protocol.ranges C x-ms-range is answered by 206 with Content-Range, as the Blob SDK wants.
storage.protocol.start_from C A list's startFrom is inclusive.
storage.protocol.length D A body comes with Content-Length; chunks are 411.
storage.protocol.query I A query parameter that the operation doesn't have is refused.
storage.sas.signed D A shared access signature that was tampered with is refused.
storage.sas.expires D A shared access signature ends.
storage.sas.folder D A shared access signature doesn't reach beyond its folder.
storage.sas.permissions D A shared access signature permits what it says.
"""
)
