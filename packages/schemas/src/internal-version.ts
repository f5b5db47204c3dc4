/**
 * The version of what northd and ovn-controller agree on: OVN's, the southbound schema's, and a serial number of the pipelines' meaning (ovn-sb(5),
 * SB_Global options:northd_internal_version).
 */
export const internalVersion = '23.03.1-20.27.0-70.6';
